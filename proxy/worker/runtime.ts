import { createServer, type Server, type Socket } from 'node:net';
import type { MessagePort } from 'node:worker_threads';
import type { Logger } from 'pino';
import { processMicros, systemClock, systemRng } from '../../lib/clock.ts';
import { collectGarbage } from '../../lib/collect-garbage.ts';
import { createLog } from '../../lib/log.ts';
import { Deadlines } from '../conn/deadlines.ts';
import { Dialer } from '../conn/dialer.ts';
import { ReadBuffers } from '../conn/read-buffers.ts';
import { createPassiveReporter } from '../health/passive-reporter.ts';
import { createHttpHandler, httpWorkerOf } from '../http/http-handler.ts';
import { planPorts, type PlannedPort } from '../listen/port-plan.ts';
import type { PortHandler, PortView, ServedPort } from '../listen/port-handler.ts';
import { createAccessLog } from '../observe/access-log.ts';
import type { WorkerLoad } from '../observe/load.ts';
import { TrafficMeter } from '../observe/traffic-meter.ts';
import { RateTable } from '../routing/rate-table.ts';
import { SharedTable } from '../state/shared-table.ts';
import { createTcpHandler } from '../tcp/tcp-handler.ts';
import { FlowBudget } from '../udp/flow-budget.ts';
import { createUdpHandler } from '../udp/udp-handler.ts';
import { createUdpSocket } from '../udp/udp-socket.ts';
import type { UpstreamDeps } from '../upstream/upstream.ts';
import { WaitQueue } from '../upstream/wait-queue.ts';
import type { WorkerContext } from './context.ts';
import { LivePool } from './live-pool.ts';
import { applyEdit } from './pool-edit.ts';
import type { FromWorker, HandedServer, ToWorker, WorkerData } from './protocol.ts';

const HEARTBEAT_MS = 500;
/** Garbage is looked for this often while memory is short. */
const COLLECT_EVERY_MS = 5_000;
const DRAINED_CHECK_MS = 50;
/** A fault that comes again and again is logged once in this time. */
const LOG_INTERVAL_MS = 1_000;
/** Connections that are accepted on one count; the flows that come meanwhile fit into what is kept for the rest. */
const COUNT_EVERY = 64;

/** An open port: what accepts, and what serves. */
interface OpenPort {
  /** Absent: UDP. */
  readonly server?: Server;
  handler: ServedPort;
  /** For connections of `server`. */
  accept?: PortHandler['accept'];
  protocol: string;
}

/**
 * What a worker thread does with the main thread's messages: keeps the pools, and for each port a handler that
 * serves them. A change of the pools reaches every handler before it is acknowledged.
 */
export class WorkerRuntime {
  readonly #data: WorkerData;
  readonly #context: WorkerContext;
  readonly #deps: UpstreamDeps;
  readonly #send: (message: FromWorker) => void;
  readonly #pools = new Map<string, LivePool>();
  readonly #ports = new Map<string, OpenPort>();
  /** Handlers whose port is closed and whose sessions go on. */
  readonly #retired = new Set<ServedPort>();
  #plan = new Map<string, PlannedPort>();
  /** This many connections may be accepted before what is open has to be counted again. */
  #headroom = 0;
  #acceptFailedAt = -Infinity;
  #collectedAt = -Infinity;

  constructor(data: WorkerData, log: Logger, send: (message: FromWorker) => void) {
    this.#data = data;
    this.#send = send;
    const table = new SharedTable(data.workerId, data.table);
    const deadlines = new Deadlines(systemClock);
    const traffic = new TrafficMeter();
    const passive = createPassiveReporter(systemClock, (event) => send({ type: 'passive', event }));
    this.#context = {
      workerId: data.workerId,
      clock: systemClock,
      rng: systemRng,
      log,
      table,
      rateTable: new RateTable(processMicros(), data.rateTable),
      passive,
      deadlines,
      dialer: new Dialer(systemClock, deadlines, passive),
      buffers: new ReadBuffers(),
      traffic,
      accessLog: data.accessLog
        ? createAccessLog(createLog('info', 1, () => traffic.accessLogFailed()))
        : undefined,
      maxConnections: data.maxConnections,
      // One descriptor each, of the two that each of so many connections may take.
      flowBudget: new FlowBudget(data.maxConnections),
    };
    this.#deps = {
      table,
      clock: systemClock,
      rng: systemRng,
      here: { zone: data.zone ?? '', nodeName: data.nodeName ?? '' },
      queue: new WaitQueue(table, systemClock),
    };
    setInterval(() => {
      table.beat();
      if (table.isShedding) this.#giveBack();
    }, HEARTBEAT_MS).unref();
  }

  receive(message: ToWorker): void {
    switch (message.type) {
      case 'apply':
        this.#apply(message);
        return;
      case 'listen':
        this.#listen(message);
        return;
      case 'unlisten':
        this.#close(message.portId);
        afterAcceptQueue(() => this.#send({ type: 'applied', seq: message.seq }));
        return;
      case 'hand-over':
        this.#handOver(message.to);
        this.#send({ type: 'applied', seq: message.seq });
        this.#whenDrained();
        return;
      case 'take-over':
        message.from.on('message', (handed: HandedServer) => this.#adopt(handed.portId, handed.server));
        return;
      case 'drain':
        for (const portId of this.#ports.keys()) this.#close(portId);
        // Only then it is known which connections are still open.
        afterAcceptQueue(() => this.#whenDrained());
        return;
      case 'collect':
        this.#send({
          type: 'collected',
          seq: message.seq,
          metrics: this.#context.traffic.collect(),
          load: this.#load(),
        });
        return;
      case 'count':
        this.#send({ type: 'counted', seq: message.seq, traffic: this.#context.traffic.totals() });
        return;
    }
  }

  get #connections(): number {
    let open = 0;
    for (const handler of this.#handlers()) open += handler.connections;
    return open;
  }

  /** Connections that may be accepted now. */
  get #room(): number {
    let taken = 0;
    for (const { descriptors } of this.#handlers()) taken += descriptors;
    return this.#data.maxConnections - Math.ceil(taken / 2);
  }

  *#handlers(): Iterable<ServedPort> {
    for (const { handler } of this.#ports.values()) yield handler;
    yield* this.#retired;
  }

  #load(): WorkerLoad {
    const { workerId, deadlines, dialer } = this.#context;
    const http = httpWorkerOf(this.#context);
    return {
      worker: workerId,
      connections: this.#connections,
      requests: http.exchanges,
      waiting: this.#deps.queue.size,
      backends: http.backendConnections,
      idleBackends: http.pool.size + http.sessions.idle,
      abandonedConnects: dialer.abandoned,
      deadlines: deadlines.size,
    };
  }

  #apply({ seq, upsert: whole, edit, remove }: Extract<ToWorker, { type: 'apply' }>): void {
    const edited = edit.map((each) => applyEdit(this.#pools.get(each.pool.uid)!.last, each));
    const upsert = [...whole, ...edited];
    for (const change of upsert) {
      const live = this.#pools.get(change.pool.uid);
      if (live === undefined) this.#pools.set(change.pool.uid, new LivePool(change, this.#deps));
      else live.update(change);
    }
    for (const uid of remove) {
      const pool = this.#pools.get(uid);
      if (pool === undefined) continue;
      this.#context.traffic.forget(`${pool.namespace}/${pool.name}`);
      pool.remove();
      this.#pools.delete(uid);
    }

    this.#plan = planPorts(
      [...this.#pools.values()].map((pool) => pool.snapshot),
      this.#data.bindAddress,
    );
    const changed = new Set([...upsert.map((change) => change.pool.uid), ...remove]);
    for (const [portId, open] of this.#ports) {
      const planned = this.#plan.get(portId);
      if (planned === undefined) continue;
      if (planned.protocol !== open.protocol) this.#replaceHandler(open, planned);
      else if (remove.length > 0 || planned.entries.some(({ pool }) => changed.has(pool.uid))) {
        open.handler.update(this.#view(planned));
      }
    }
    this.#send({ type: 'applied', seq });
  }

  #view(planned: PlannedPort): PortView {
    return {
      protocol: planned.protocol,
      port: planned.port,
      entries: planned.entries.map(({ pool, listener }) => ({ pool: this.#pools.get(pool.uid)!, listener })),
    };
  }

  #listen({ seq, portId, bound }: Extract<ToWorker, { type: 'listen' }>): void {
    const planned = this.#plan.get(portId);
    if (planned === undefined || this.#ports.has(portId)) {
      bound?.close();
      this.#send({ type: 'listening', seq });
      return;
    }
    if (bound === undefined) {
      this.#listenUdp(seq, planned);
      return;
    }
    const server = createServer({ pauseOnConnect: false, noDelay: true, allowHalfOpen: true });
    const failed = (error: Error): void => this.#send({ type: 'listening', seq, error: error.message });
    server.once('error', failed);
    this.#adopt(portId, server);
    server.listen({ handle: bound, backlog: 4_096 } as never, () => {
      server.off('error', failed);
      this.#send({ type: 'listening', seq });
    });
  }

  #listenUdp(seq: number, planned: PlannedPort): void {
    const socket = createUdpSocket(planned.address);
    const failed = (error: Error): void => this.#send({ type: 'listening', seq, error: error.message });
    socket.once('error', failed);
    socket.bind({ address: planned.address, port: planned.port, exclusive: true }, () => {
      socket.off('error', failed);
      const handler = createUdpHandler(this.#context, this.#view(planned), socket);
      this.#ports.set(planned.id, { handler, protocol: planned.protocol });
      this.#send({ type: 'listening', seq });
    });
  }

  /** Serves connections of a server, new or handed over. */
  #adopt(portId: string, server: Server): void {
    const planned = this.#plan.get(portId);
    if (planned === undefined) {
      server.close();
      return;
    }
    const handler = this.#createHandler(planned);
    const open: OpenPort = {
      server,
      handler,
      accept: (socket) => handler.accept(socket),
      protocol: planned.protocol,
    };
    this.#ports.set(portId, open);
    server.on('connection', (socket: Socket) => this.#accept(open, socket));
    server.on('error', (error) => this.#acceptFailed(error));
  }

  /** A listener may allow more connections than this process has descriptors for; those are turned away here. */
  #accept(open: OpenPort, socket: Socket): void {
    if (this.#headroom <= 0) this.#headroom = Math.min(this.#room, COUNT_EVERY);
    if (this.#headroom <= 0) {
      this.#context.traffic.refuse('OVERLOADED');
      socket.resetAndDestroy();
      return;
    }
    this.#headroom -= 1;
    open.accept?.(socket);
  }

  /** Who takes no new work makes next to no garbage, so that V8 sees no need to look for what the old work has left. */
  #giveBack(): void {
    const now = this.#context.clock.now();
    if (now - this.#collectedAt < COLLECT_EVERY_MS) return;
    this.#collectedAt = now;
    collectGarbage();
  }

  /** Out of descriptors, most likely: what waits in the kernel's queue is accepted when there are some again. */
  #acceptFailed(error: Error): void {
    const { clock, log } = this.#context;
    if (clock.now() - this.#acceptFailedAt < LOG_INTERVAL_MS) return;
    this.#acceptFailedAt = clock.now();
    log.warn({ err: error }, 'cannot accept connections');
  }

  #createHandler(planned: PlannedPort): PortHandler {
    const view = this.#view(planned);
    return planned.protocol === 'HTTP' || planned.protocol === 'HTTPS'
      ? createHttpHandler(this.#context, view)
      : createTcpHandler(this.#context, view);
  }

  #replaceHandler(open: OpenPort, planned: PlannedPort): void {
    this.#retire(open.handler);
    const handler = this.#createHandler(planned);
    open.handler = handler;
    open.accept = (socket) => handler.accept(socket);
    open.protocol = planned.protocol;
  }

  #retire(handler: ServedPort): void {
    this.#forgetRetired();
    handler.drain();
    if (handler.connections > 0) this.#retired.add(handler);
  }

  /** Stops accepting once what the kernel has queued was accepted; what is open goes on. */
  #close(portId: string): void {
    const open = this.#ports.get(portId);
    if (open === undefined) return;
    this.#ports.delete(portId);
    afterAcceptQueue(() => {
      open.server?.close();
      this.#retire(open.handler);
    });
  }

  #handOver(to: MessagePort): void {
    for (const [portId, open] of this.#ports) {
      this.#ports.delete(portId);
      if (open.server !== undefined) {
        to.postMessage({ portId, server: open.server } satisfies HandedServer, [open.server]);
      }
      this.#retire(open.handler);
    }
    to.close();
  }

  #forgetRetired(): void {
    for (const handler of this.#retired) if (handler.connections === 0) this.#retired.delete(handler);
  }

  #whenDrained(): void {
    this.#forgetRetired();
    if (this.#ports.size === 0 && this.#retired.size === 0) this.#send({ type: 'drained' });
    else setTimeout(() => this.#whenDrained(), DRAINED_CHECK_MS);
  }
}

/** Two turns of the event loop: one accepts all that the kernel has queued, the next has begun to serve it. */
function afterAcceptQueue(fn: () => void): void {
  setImmediate(() => setImmediate(fn));
}
