import { createServer, type AddressInfo, type Server } from 'node:net';
import pino from 'pino';
import type { Backend, Endpoint, PoolConfig, PoolSnapshot } from '../../../api/snapshot.ts';
import { processMicros, systemClock } from '../../../lib/clock.ts';
import { Deadlines } from '../../../proxy/conn/deadlines.ts';
import { Dialer } from '../../../proxy/conn/dialer.ts';
import { ReadBuffers } from '../../../proxy/conn/read-buffers.ts';
import { type ErrorCode, traitsOf } from '../../../proxy/errors.ts';
import { createHttpHandler, httpWorkerOf } from '../../../proxy/http/http-handler.ts';
import type { HttpWorker } from '../../../proxy/http/http-worker.ts';
import type { PortHandler, PortView } from '../../../proxy/listen/port-handler.ts';
import { TrafficMeter } from '../../../proxy/observe/traffic-meter.ts';
import type { TrafficRecord } from '../../../proxy/observe/traffic-record.ts';
import { FlowBudget } from '../../../proxy/udp/flow-budget.ts';
import { RateTable } from '../../../proxy/routing/rate-table.ts';
import type { EndpointState } from '../../../proxy/state/endpoint-state.ts';
import { HEALTHY, READY, SharedTable } from '../../../proxy/state/shared-table.ts';
import { SlotAllocator } from '../../../proxy/state/slot-allocator.ts';
import { PoolUpstreams } from '../../../proxy/upstream/pool-upstreams.ts';
import { WaitQueue } from '../../../proxy/upstream/wait-queue.ts';
import type { PassiveReporter, WorkerContext } from '../../../proxy/worker/context.ts';
import type { PoolRuntime } from '../../../proxy/worker/pool-runtime.ts';
import { backend, endpoint, poolConfig, poolSnapshot } from '../builders.ts';
import { eventually } from '../eventually.ts';
import { seededRng } from '../seeded-rng.ts';
import { RawClient } from './client.ts';

/** What the data path told passive health. */
export interface PassiveEvent {
  readonly kind: 'success' | 'failure' | 'error-status';
  readonly port: number;
  readonly detail: ErrorCode | number | undefined;
}

export interface HttpProxyOptions {
  /** Endpoints of backend `v1`: ports on loopback. */
  readonly ports?: readonly number[];
  /** Or of several backends, by name. */
  readonly endpoints?: Readonly<Record<string, readonly Endpoint[]>>;
  readonly config?: Partial<PoolConfig>;
  /** What the backends speak. */
  readonly appProtocol?: Backend['appProtocol'];
  /** Absent: any free one. */
  readonly listen?: number;
}

/** One worker's HTTP port, in this process, on real sockets; every endpoint is healthy until a test says otherwise. */
export class HttpProxy {
  readonly records: TrafficRecord[] = [];
  readonly passive: PassiveEvent[] = [];
  readonly handler: PortHandler;
  readonly worker: HttpWorker;
  readonly #main = new SharedTable(-1);
  readonly #slots = new SlotAllocator(this.#main);
  readonly #context: WorkerContext;
  readonly #upstreams: PoolUpstreams;
  readonly #server: Server;
  readonly #clients: RawClient[] = [];
  #snapshot: PoolSnapshot;

  private constructor(options: HttpProxyOptions) {
    this.#snapshot = snapshotOf(options);
    const table = new SharedTable(0, this.#main.buffer);
    const deadlines = new Deadlines(systemClock);
    const passive = this.#passiveReporter();
    this.#context = {
      workerId: 0,
      clock: systemClock,
      rng: seededRng(1),
      log: pino({ enabled: false }),
      table,
      rateTable: new RateTable(processMicros(), { seed: 1 }),
      passive,
      deadlines,
      dialer: new Dialer(systemClock, deadlines, passive),
      buffers: new ReadBuffers(),
      traffic: new TrafficMeter(),
      accessLog: { record: (record) => this.records.push({ ...record }) },
      maxConnections: 10_000,
      flowBudget: new FlowBudget(1),
    };
    this.#upstreams = new PoolUpstreams(this.#snapshot, this.#assign(), {
      table,
      clock: systemClock,
      rng: seededRng(2),
      here: { zone: '', nodeName: '' },
      queue: new WaitQueue(table, systemClock),
    });
    for (const state of this.endpoints) this.#main.setFlags(state.slot, READY | HEALTHY);
    this.handler = createHttpHandler(this.#context, this.#view());
    this.worker = httpWorkerOf(this.#context);
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) =>
      this.handler.accept(socket),
    );
  }

  static async start(options: HttpProxyOptions): Promise<HttpProxy> {
    const proxy = new HttpProxy(options);
    await new Promise<void>((resolve) => proxy.#server.listen(options.listen ?? 0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get endpoints(): readonly EndpointState[] {
    return [...this.#upstreams.byBackend.values()].flatMap((upstream) => upstream.endpoints);
  }

  /** What the traffic meter counted, by metric name. */
  get metrics(): ReturnType<TrafficMeter['collect']> {
    return this.#context.traffic.collect();
  }

  async connect(): Promise<RawClient> {
    const client = await RawClient.connect(this.port);
    this.#clients.push(client);
    return client;
  }

  /** One request on a connection of its own. */
  async request(text: string): Promise<Awaited<ReturnType<RawClient['response']>>> {
    const client = await this.connect();
    const response = await client.request(text);
    client.close();
    return response;
  }

  async get(path = '/', headers = ''): Promise<Awaited<ReturnType<RawClient['response']>>> {
    return this.request(`GET ${path} HTTP/1.1\r\nHost: example.com\r\n${headers}\r\n`);
  }

  /** Applies another snapshot; endpoints that are new in it are healthy. */
  update(options: HttpProxyOptions): void {
    const before = new Set(this.endpoints);
    this.#snapshot = snapshotOf(options);
    for (const gone of this.#upstreams.update(this.#snapshot, this.#assign())) {
      this.#main.setFlags(gone.slot, 0);
    }
    for (const state of this.endpoints) {
      if (!before.has(state)) this.#main.setFlags(state.slot, READY | HEALTHY);
    }
    this.handler.update(this.#view());
  }

  /** Sets the verdict of the endpoint on this port. */
  setFlags(port: number, flags: number): void {
    for (const upstream of this.#upstreams.byBackend.values()) {
      for (const state of upstream.endpoints) if (state.port === port) this.#main.setFlags(state.slot, flags);
      this.#main.bumpEpoch(upstream.slot, systemClock.now());
    }
  }

  /** Requests in flight at all endpoints, as balancing counts them. */
  get inFlight(): number {
    return this.endpoints.reduce((sum, state) => sum + state.inFlight, 0);
  }

  /** Resolves when no request is under way any more and nothing is counted as in flight. */
  async settled(): Promise<void> {
    await eventually('every count is back to zero', () => {
      const { exchanges } = this.worker;
      if (exchanges === 0 && this.inFlight === 0) return true;
      throw new Error(JSON.stringify({ exchanges, inFlight: this.inFlight }));
    });
  }

  /** As `settled`, and every client connection is gone. */
  async emptied(): Promise<void> {
    await this.settled();
    await eventually('no connection is open', () => this.handler.connections === 0);
  }

  /** Accepts nothing any more. */
  refuse(): void {
    this.#server.close();
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    this.handler.destroy();
    this.worker.pool.close();
    this.worker.sessions.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #assign() {
    const slots = this.#slots.assign(this.#snapshot);
    if (slots === 'out-of-slots') throw new Error(slots);
    return slots;
  }

  #view(): PortView {
    const { uid, namespace, name, createdAt, config } = this.#snapshot;
    const pool: PoolRuntime = {
      uid,
      namespace,
      name,
      createdAt,
      config,
      upstreams: this.#upstreams.byBackend,
      selector: (route) => this.#upstreams.selector(route),
    };
    return {
      protocol: config.listeners[0]!.protocol,
      port: 8080,
      entries: config.listeners.map((listener) => ({ pool, listener })),
    };
  }

  #passiveReporter(): PassiveReporter {
    const note = (kind: PassiveEvent['kind'], state: EndpointState, detail: PassiveEvent['detail']) => {
      this.passive.push({ kind, port: state.port, detail });
    };
    return {
      success: (state) => note('success', state, undefined),
      failure: (state, code) => {
        if (traitsOf(code).blame) note('failure', state, code);
      },
      errorStatus: (state, code) => note('error-status', state, code),
    };
  }
}

function snapshotOf({
  ports = [],
  endpoints,
  config = {},
  appProtocol = 'http1',
}: HttpProxyOptions): PoolSnapshot {
  const all = endpoints ?? { v1: ports.map((port) => endpoint({ port })) };
  const backends = Object.keys(all).map((name) => backend({ name, appProtocol }));
  return poolSnapshot({ config: poolConfig({ backends, ...config }), endpoints: all });
}
