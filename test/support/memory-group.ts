import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';

/** A control group beneath the one of this process, with a memory limit of its own (version 1 or 2). */
export class MemoryGroup {
  readonly path: string;
  readonly #limitFile: string;

  private constructor(path: string, limitFile: string) {
    this.path = path;
    this.#limitFile = limitFile;
  }

  /** Undefined, and said so: none can be made here. */
  static make(): MemoryGroup | undefined {
    for (const { root, line, limitFile } of VERSIONS) {
      const own = line.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
      if (own === undefined) continue;
      const group = new MemoryGroup(`${root}${own}/evenkeel-${process.pid}`, limitFile);
      try {
        mkdirSync(group.path);
        if (existsSync(`${group.path}/${limitFile}`)) return group;
        group.close();
      } catch {
        // Not allowed, or not mounted: perhaps of the other version.
      }
    }
    process.stderr.write('a memory limit: SKIPPED, it needs root and a control group that may have groups\n');
    return undefined;
  }

  limit(bytes: number): void {
    writeFileSync(`${this.path}/${this.#limitFile}`, String(Math.floor(bytes)));
  }

  /** When its processes have ended. */
  close(): void {
    rmdirSync(this.path);
  }
}

const VERSIONS = [
  { root: '/sys/fs/cgroup', line: /^0::(\S+)$/m, limitFile: 'memory.max' },
  {
    root: '/sys/fs/cgroup/memory',
    line: /^\d+:(?:\S*,)?memory(?:,\S*)?:(\S+)$/m,
    limitFile: 'memory.limit_in_bytes',
  },
] as const;
