import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

type State = 'up' | 'down' | 'hung';

/** Real processes on fixed ports that can be killed, stopped and started again; remembers every id they received. */
export class ChaosBackends {
  /** How often each request was received whole, by any backend. */
  readonly received = new Map<string, number>();
  readonly #ports: readonly number[];
  readonly #processes: (ChildProcess | undefined)[] = [];
  readonly #states: State[] = [];

  constructor(ports: readonly number[]) {
    this.#ports = ports;
  }

  async startAll(): Promise<void> {
    await Promise.all(this.#ports.map((_, index) => this.start(index)));
  }

  get healthy(): number {
    return this.#states.filter((state) => state === 'up').length;
  }

  state(index: number): State {
    return this.#states[index] ?? 'down';
  }

  async start(index: number): Promise<void> {
    const child = fork(new URL('./backend.ts', import.meta.url), [String(this.#ports[index])], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    this.#processes[index] = child;
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const id of lines) this.received.set(id, (this.received.get(id) ?? 0) + 1);
    });
    await once(child, 'message');
    this.#states[index] = 'up';
  }

  async kill(index: number): Promise<void> {
    this.#states[index] = 'down';
    const child = this.#processes[index];
    if (child === undefined || child.exitCode !== null) return;
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  }

  hang(index: number): void {
    this.#states[index] = 'hung';
    this.#processes[index]?.kill('SIGSTOP');
  }

  resume(index: number): void {
    this.#states[index] = 'up';
    this.#processes[index]?.kill('SIGCONT');
  }

  async close(): Promise<void> {
    await Promise.all(this.#ports.map((_, index) => this.kill(index)));
  }
}
