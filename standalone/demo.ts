import { fork, type ChildProcess } from 'node:child_process';
import type { Logger } from 'pino';

/** How long a killed demo server stays away: long enough to see the traffic move. */
const AWAY_MS = 10_000;
const NUMBERS = [1, 2, 3];

export interface DemoServer {
  readonly name: string;
  readonly port: number;
  /** Undefined while it is away. */
  readonly pid: number | undefined;
}

/** Three small servers for the examples to send to; one that is killed comes back after 10 s. */
export class Demo {
  readonly #log: Logger;
  readonly #processes: (ChildProcess | undefined)[] = [];
  #closing = false;

  private constructor(log: Logger) {
    this.#log = log;
  }

  /** Resolves when all three answer. */
  static async start(log: Logger): Promise<Demo> {
    const demo = new Demo(log);
    await Promise.all(NUMBERS.map((number) => demo.#start(number)));
    return demo;
  }

  get servers(): readonly DemoServer[] {
    return NUMBERS.map((number) => ({
      name: `server ${number}`,
      port: 9000 + number,
      pid: this.#processes[number]?.pid,
    }));
  }

  close(): void {
    this.#closing = true;
    for (const child of this.#processes) child?.kill('SIGKILL');
  }

  #start(number: number): Promise<void> {
    const child = fork(new URL('./demo-server.ts', import.meta.url), [String(number)]);
    this.#processes[number] = child;
    child.on('exit', (code, signal) => {
      this.#processes[number] = undefined;
      if (this.#closing) return;
      this.#log.warn({ server: number, code, signal, backInMs: AWAY_MS }, 'demo server is gone');
      setTimeout(() => {
        if (!this.#closing) void this.#start(number);
      }, AWAY_MS).unref();
    });
    return new Promise((resolve) => {
      child.once('message', () => resolve());
      child.once('exit', () => resolve());
    });
  }
}
