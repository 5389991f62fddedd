import { fork, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { createDemoCertificates, type DemoCertificates } from './demo-certificates.ts';

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
  /** A folder of manifests that the examples need beside their own. */
  readonly folder: string;
  readonly #certificates: DemoCertificates;
  readonly #log: Logger;
  readonly #processes: (ChildProcess | undefined)[] = [];
  #closing = false;

  private constructor(log: Logger, folder: string, certificates: DemoCertificates) {
    this.#log = log;
    this.folder = folder;
    this.#certificates = certificates;
  }

  /** Resolves when all three answer. */
  static async start(log: Logger): Promise<Demo> {
    const certificates = await createDemoCertificates(Date.now());
    const folder = await mkdtemp(join(tmpdir(), 'evenkeel-demo-'));
    await writeFile(join(folder, 'certificates.yaml'), certificates.manifests, { mode: 0o600 });
    const demo = new Demo(log, folder, certificates);
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

  async close(): Promise<void> {
    this.#closing = true;
    for (const child of this.#processes) child?.kill('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  #start(number: number): Promise<void> {
    const child = fork(new URL('./demo-server.ts', import.meta.url), [String(number)]);
    this.#processes[number] = child;
    child.send(this.#certificates.server);
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
