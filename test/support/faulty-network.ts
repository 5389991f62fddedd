import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { describe } from 'vitest';

function isThere(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const CAN = process.getuid?.() === 0 && isThere('ip', 'netns') && isThere('nft', '--version');
if (!CAN) {
  process.stderr.write('network faults: SKIPPED, ALL OF THEM: they need root, and the commands ip and nft\n');
}

/** A `describe` that is skipped, and counted as skipped, where no network can be made. */
export const describeNetwork = CAN ? describe : describe.skip;

/**
 * A second machine, as far as packets know: a network namespace, one cable to it, and rules on its end of the cable
 * for what gets lost. Nothing outside is touched; all of it goes with `close`.
 */
export class FaultyNetwork {
  static #made = 0;
  readonly #name: string;
  /** This end of the cable, in the range for benchmarks (RFC 2544). */
  readonly here: string;
  readonly there: string;
  readonly #processes: ChildProcess[] = [];

  constructor() {
    FaultyNetwork.#made += 1;
    const id = (process.pid * 7 + FaultyNetwork.#made) % 16_384;
    this.#name = `evk${id}`;
    const subnet = `198.${18 + (id >> 13)}.${(id >> 5) & 255}`;
    const first = (id & 31) * 8;
    this.here = `${subnet}.${first + 1}`;
    this.there = `${subnet}.${first + 2}`;
    ip('netns', 'add', this.#name);
    ip(
      'link',
      'add',
      `${this.#name}a`,
      'type',
      'veth',
      'peer',
      'name',
      `${this.#name}b`,
      'netns',
      this.#name,
    );
    ip('addr', 'add', `${this.here}/29`, 'dev', `${this.#name}a`);
    ip('link', 'set', `${this.#name}a`, 'up');
    ip('-n', this.#name, 'addr', 'add', `${this.there}/29`, 'dev', `${this.#name}b`);
    ip('-n', this.#name, 'link', 'set', `${this.#name}b`, 'up');
    ip('-n', this.#name, 'link', 'set', 'lo', 'up');
    this.#nft('add', 'table', 'inet', 'faults');
    for (const hook of ['input', 'output'] as const) {
      this.#nft('add', 'chain', 'inet', 'faults', hook, `{ type filter hook ${hook} priority 0; }`);
    }
  }

  /** Runs a program of a few lines over there; resolves when it has printed something. */
  async run(script: string): Promise<ChildProcess> {
    const child = spawn('ip', ['netns', 'exec', this.#name, process.execPath, '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#processes.push(child);
    await once(child.stdout, 'data');
    return child;
  }

  /** From now on this happens to packets that arrive over there (or leave from there), such as `tcp dport 80 drop`. */
  fault(rule: string, hook: 'input' | 'output' = 'input'): void {
    this.#nft('add', 'rule', 'inet', 'faults', hook, ...rule.split(' '));
  }

  heal(): void {
    this.#nft('flush', 'table', 'inet', 'faults');
  }

  async close(): Promise<void> {
    for (const child of this.#processes.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    // Connections that are half open keep a namespace for minutes: the cable goes first.
    ip('link', 'del', `${this.#name}a`);
    ip('netns', 'del', this.#name);
  }

  #nft(...args: string[]): void {
    ip('netns', 'exec', this.#name, 'nft', ...args);
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}
