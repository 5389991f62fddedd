import { createServer, type AddressInfo, type Server } from 'node:net';
import type { PoolSnapshot } from '../../../api/snapshot.ts';
import { createHttpHandler, httpWorkerOf } from '../../../proxy/http/http-handler.ts';
import type { PortHandler, PortView } from '../../../proxy/listen/port-handler.ts';
import type { WorkerContext } from '../../../proxy/worker/context.ts';
import { RunningPool, WorkerFixture } from '../worker.ts';
import { RawClient, type SeenResponse } from './client.ts';

/** One worker's HTTP port with the listeners of several pools, on real sockets. */
export class SharedHttpPort {
  readonly worker: WorkerFixture;
  readonly #handler: PortHandler;
  readonly #server: Server;

  private constructor(pools: readonly Partial<PoolSnapshot>[], context: Partial<WorkerContext>) {
    this.worker = new WorkerFixture(context);
    this.#handler = createHttpHandler(this.worker.ctx, this.#view(pools));
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) =>
      this.#handler.accept(socket),
    );
  }

  static async start(
    pools: readonly Partial<PoolSnapshot>[],
    context: Partial<WorkerContext> = {},
  ): Promise<SharedHttpPort> {
    const port = new SharedHttpPort(pools, context);
    await new Promise<void>((resolve) => port.#server.listen(0, '127.0.0.1', resolve));
    return port;
  }

  /** Other pools from here on, each with endpoints that are up. */
  update(pools: readonly Partial<PoolSnapshot>[]): void {
    this.#handler.update(this.#view(pools));
  }

  /** One request on a connection of its own. */
  async get(host: string, path = '/', headers = ''): Promise<SeenResponse> {
    const client = await RawClient.connect((this.#server.address() as AddressInfo).port);
    const response = await client.request(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`);
    client.close();
    return response;
  }

  async close(): Promise<void> {
    this.#handler.destroy();
    httpWorkerOf(this.worker.ctx).pool.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #view(pools: readonly Partial<PoolSnapshot>[]): PortView {
    const entries = pools.flatMap((snapshot) => {
      const pool = new RunningPool(this.worker, snapshot);
      return pool.config.listeners.map((listener) => ({ pool, listener }));
    });
    return { protocol: 'HTTP', port: 8080, entries };
  }
}
