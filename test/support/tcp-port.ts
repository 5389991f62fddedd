import { createServer, type AddressInfo, type Server } from 'node:net';
import type { Endpoint, Listener, PoolConfig, PoolSnapshot } from '../../api/snapshot.ts';
import type { PortHandler, PortView } from '../../proxy/listen/port-handler.ts';
import { createTcpHandler } from '../../proxy/tcp/tcp-handler.ts';
import type { WorkerContext } from '../../proxy/worker/context.ts';
import { endpoint, listener, poolConfig } from './builders.ts';
import { RunningPool, WorkerFixture } from './worker.ts';

export interface TcpPortOptions {
  readonly listener?: Partial<Listener>;
  readonly config?: Partial<PoolConfig>;
  readonly context?: Partial<WorkerContext>;
  readonly host?: string;
  /** Absent: one that is free. */
  readonly port?: number;
}

/** Endpoints on 127.0.0.1 at these ports, in this order. */
export function endpointsAt(...ports: readonly number[]): Endpoint[] {
  return ports.map((port, position) => endpoint({ port, position }));
}

/** One worker that serves a TCP port in front of one backend `v1`, on real sockets. */
export class TcpPort {
  readonly worker: WorkerFixture;
  readonly pool: RunningPool;
  readonly handler: PortHandler;
  #listener: Listener;
  readonly #server: Server;

  private constructor(endpoints: readonly Endpoint[], options: TcpPortOptions) {
    this.worker = new WorkerFixture(options.context);
    this.#listener = listener({ name: 'tcp', protocol: 'TCP', ...options.listener });
    this.pool = new RunningPool(this.worker, {
      config: poolConfig({ listeners: [this.#listener], ...options.config }),
      endpoints: { v1: endpoints },
    });
    this.handler = createTcpHandler(this.worker.ctx, this.view());
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.handler.accept(socket),
    );
  }

  static async listen(endpoints: readonly Endpoint[], options: TcpPortOptions = {}): Promise<TcpPort> {
    const port = new TcpPort(endpoints, options);
    await new Promise<void>((resolve) => {
      port.#server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
    });
    return port;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  update(endpoints: readonly Endpoint[], over: Partial<PoolSnapshot> = {}): void {
    this.pool.update({ ...over, endpoints: { v1: endpoints } });
    this.#listener = this.pool.config.listeners[0]!;
    this.handler.update(this.view());
  }

  view(): PortView {
    const { protocol } = this.#listener;
    const listeners = protocol === 'TLS' ? this.pool.config.listeners : [this.#listener];
    return { protocol, port: 0, entries: listeners.map((each) => ({ pool: this.pool, listener: each })) };
  }

  /** Sessions in flight over all endpoints. */
  get inFlight(): number {
    return this.pool.endpoints.reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  async close(): Promise<void> {
    this.handler.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
