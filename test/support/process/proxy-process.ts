import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProxyLoad } from '../../../proxy/observe/load.ts';
import { eventually } from '../eventually.ts';
import { freePorts } from '../free-ports.ts';

const EXECUTABLE = new URL('../../../bin/evenkeel', import.meta.url).pathname;

export interface ProxyProcessOptions {
  /** YAML. */
  readonly manifests: string;
  readonly workers?: number;
  /** `ulimit -n` of the process. */
  readonly maxFiles?: number;
  /** Folder of the control group that it is to be in. */
  readonly memoryGroup?: string;
  /** Further arguments of `evenkeel run`. */
  readonly args?: readonly string[];
  /** Where its output goes, log and access log; absent: to `log`. */
  readonly output?: string;
}

/** `evenkeel run` in a process of its own, so that its memory and descriptors are its own. */
export class ProxyProcess {
  readonly #child: ChildProcess;
  /** `host:port` of its admin pages. */
  readonly admin: string;
  readonly #folder: string;
  #log = '';

  private constructor(child: ChildProcess, admin: string, folder: string) {
    this.#child = child;
    this.admin = admin;
    this.#folder = folder;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-20_000);
      });
    }
  }

  /** Resolves when it is ready. */
  static async start(options: ProxyProcessOptions): Promise<ProxyProcess> {
    const { manifests, workers = 2, maxFiles, memoryGroup, args = [], output } = options;
    const [adminPort] = await freePorts(1);
    const folder = await mkdtemp(join(tmpdir(), 'evenkeel-'));
    await writeFile(join(folder, 'pools.yaml'), manifests);
    const admin = `127.0.0.1:${adminPort}`;
    const run = [EXECUTABLE, 'run', '-f', folder, '--admin', admin, '--workers', String(workers), ...args];
    const limit = maxFiles === undefined ? '' : `ulimit -n ${maxFiles}; `;
    const enter = memoryGroup === undefined ? '' : `echo $$ > ${memoryGroup}/cgroup.procs; `;
    const redirect = output === undefined ? '' : ` >${output} 2>&1`;
    const child = spawn('/bin/sh', ['-c', `${limit}${enter}exec "$0" "$@"${redirect}`, ...run], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const proxy = new ProxyProcess(child, admin, folder);
    await eventually('the proxy is ready', async () => {
      if (child.exitCode !== null) throw new Error(proxy.log);
      return (await fetch(`http://${admin}/readyz`)).ok;
    });
    return proxy;
  }

  /** Replaces its manifests, whole, as an editor does. */
  async rewrite(manifests: string): Promise<void> {
    await writeFile(join(this.#folder, 'next'), manifests);
    await rename(join(this.#folder, 'next'), join(this.#folder, 'pools.yaml'));
  }

  /** The end of what it has written. */
  get log(): string {
    return this.#log;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resident memory in KiB: what files do not back. */
  get memoryKiB(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]);
  }

  /** CPU time that it has taken so far, in ms. */
  get cpuMs(): number {
    // Clock ticks of a hundredth of a second; fields 14 and 15, counted behind the name.
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  /** Resident memory in KiB, files that are mapped included. */
  get residentKiB(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  }

  /** Open file descriptors. */
  get descriptors(): number {
    return readdirSync(`/proc/${this.#child.pid}/fd`).length;
  }

  async load(): Promise<ProxyLoad> {
    return (await (await this.fetch('/debug/load')).json()) as ProxyLoad;
  }

  /** From its admin address. */
  fetch(path: string): Promise<Response> {
    return fetch(`http://${this.admin}${path}`, { signal: AbortSignal.timeout(5_000) });
  }

  /** Ends it, gracefully or at once; its exit code. */
  async close(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    if (this.isRunning) {
      const exited = once(this.#child, 'exit');
      this.#child.kill(signal);
      await exited;
    }
    await rm(this.#folder, { recursive: true, force: true });
    return this.#child.exitCode;
  }
}
