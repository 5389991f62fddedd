import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

const LISTEN_AND_BLOCK = `
  const { createServer } = require('node:net');
  const { parentPort, workerData } = require('node:worker_threads');
  const server = createServer();
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setImmediate(() => Atomics.wait(workerData, 0, 0));
  });
`;

/** A port that answers no connect: its accept queue is full, and nobody accepts. */
export class BlackHole {
  readonly port: number;
  readonly #worker: Worker;
  readonly #gate: Int32Array;
  readonly #fillers: readonly Socket[];

  private constructor(port: number, worker: Worker, gate: Int32Array, fillers: readonly Socket[]) {
    this.port = port;
    this.#worker = worker;
    this.#gate = gate;
    this.#fillers = fillers;
  }

  static async listen(): Promise<BlackHole> {
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(LISTEN_AND_BLOCK, { eval: true, workerData: gate });
    const [port] = (await once(worker, 'message')) as [number];
    // Linux takes one more than the backlog says.
    const fillers = Array.from({ length: 4 }, () =>
      connect({ port, host: '127.0.0.1' }).on('error', () => {}),
    );
    await Promise.all(fillers.slice(0, 2).map((filler) => once(filler, 'connect')));
    return new BlackHole(port, worker, gate, fillers);
  }

  async close(): Promise<void> {
    for (const filler of this.#fillers) filler.destroy();
    Atomics.store(this.#gate, 0, 1);
    Atomics.notify(this.#gate, 0);
    await this.#worker.terminate();
  }
}
