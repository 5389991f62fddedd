import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';

/** The proxy has a core of its own; what loads it, and what it forwards to, share the other. */
export const PROXY_CORE = '0';
export const LOAD_CORE = '1';
export const BOTH_CORES = '0,1';

/** A process that runs on some cores only. */
export class Pinned {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  constructor(command: readonly string[], cores: string) {
    const [program, ...args] = ['taskset', '-c', cores, ...command];
    this.#child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2_000);
    });
    this.#exited = new Promise((resolve) => this.#child.once('close', () => resolve()));
    this.#child.once('exit', (code) => {
      if (code !== null && code !== 0 && !this.#child.killed)
        process.stderr.write(`${command.join(' ')}\n${said}`);
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const forced = setTimeout(() => this.#child.kill('SIGKILL'), 2_000);
    await this.#exited;
    clearTimeout(forced);
  }

  /** Resolves when something listens on a TCP port. */
  async listening(port: number): Promise<void> {
    for (let tries = 0; tries < 600 && this.#child.exitCode === null; tries++) {
      if (await answers(port)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`nothing listens on port ${port}: ${this.#child.spawnargs.join(' ')}`);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket
      .once('error', () => resolve(false))
      .once('connect', () => {
        socket.destroy();
        resolve(true);
      });
  });
}
