import type { Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { Listener, PoolConfig } from '../../api/snapshot.ts';
import { Deadline } from '../conn/deadlines.ts';
import { MemberList } from '../conn/member-list.ts';
import type { PortHandler, PortView } from '../listen/port-handler.ts';
import { compilePreface, PrefaceReader, type PrefaceRules } from '../listen/proxy-preface.ts';
import type { Parties } from '../listen/proxy-protocol.ts';
import { clientAddress } from '../net/client-address.ts';
import { compileRouteTable } from '../routing/route-table.ts';
import { LeavingEndpoints } from '../upstream/leaving-endpoints.ts';
import type { Secured } from '../tls/handshake.ts';
import { type GateOptions, TlsGate } from '../tls/tls-gate.ts';
import type { WorkerContext } from '../worker/context.ts';
import type { PoolRuntime } from '../worker/pool-runtime.ts';
import { type ClientAddressSource, compileClientAddressSource } from './client-address-source.ts';
import { ClientTls } from './client-tls.ts';
import { ClientConnection } from './h1/client-connection.ts';
import { Http2ClientConnection } from './h2/client-connection.ts';
import type { ConnectionStart, HttpPort, PortConnection } from './http-port.ts';
import { HttpWorker } from './http-worker.ts';
import { RetryBudget } from './retry-budget.ts';
import { compileTarget, type HttpRouteTable } from './route-target.ts';

const NOTHING = Buffer.alloc(0);

/** How often connections are looked at: for requests whose endpoint leaves, and for floods. */
const SWEEP_MS = 1_000;

/** What ALPN offers. A client without SNI is served the first certificate, and by its Host then. */
const GATE_OPTIONS: GateOptions = { protocols: ['h2', 'http/1.1'], takesNameless: true };

/** Serves HTTP on one port in one worker. */
export function createHttpHandler(context: WorkerContext, view: PortView): PortHandler {
  return new HttpHandler(httpWorkerOf(context), view);
}

const workers = new WeakMap<WorkerContext, HttpWorker>();

/** The ports of one worker share their connections to backends. */
export function httpWorkerOf(context: WorkerContext): HttpWorker {
  let worker = workers.get(context);
  if (worker === undefined) {
    worker = new HttpWorker(context);
    workers.set(context, worker);
  }
  return worker;
}

class HttpHandler implements PortHandler, HttpPort {
  readonly worker: HttpWorker;
  readonly scheme: 'http' | 'https';
  readonly number: number;
  readonly #connections = new MemberList<PortConnection>();
  /** Connections whose PROXY protocol header is being read. */
  readonly #prefaces = new MemberList<PrefaceReader>();
  readonly #gate: TlsGate | undefined;
  readonly #leaving = new LeavingEndpoints();
  readonly #sweep = new Deadline(() => this.#sweepConnections());
  /** By pool uid: what was spent is not given back by a change. */
  readonly #budgets = new Map<string, RetryBudget>();
  /** What the table was compiled from. */
  #compiled: readonly CompiledEntry[] = [];
  #preface: PrefaceRules | undefined;
  table!: HttpRouteTable;
  clientAddresses!: ClientAddressSource;
  requestHeaderMs = 0;
  idleMs = 0;
  #maxConnections = 0;
  isDraining = false;

  constructor(worker: HttpWorker, view: PortView) {
    this.worker = worker;
    this.scheme = view.protocol === 'HTTPS' ? 'https' : 'http';
    this.number = view.port;
    this.#gate = view.protocol === 'HTTPS' ? new TlsGate(worker.context, view, GATE_OPTIONS) : undefined;
    this.update(view);
  }

  get connections(): number {
    return this.#connections.size + this.#prefaces.size + (this.#gate?.size ?? 0);
  }

  get descriptors(): number {
    return 2 * this.connections;
  }

  accept(socket: Socket): void {
    if (this.connections >= this.#maxConnections || this.#sheds) {
      this.worker.context.traffic.refuse('OVERLOADED');
      socket.destroy();
    } else if (this.#preface === undefined) this.#enter(socket, undefined);
    else this.#readPreface(socket, this.#preface);
  }

  /** Without memory a request can be answered, a handshake cannot be afforded. */
  get #sheds(): boolean {
    return this.#gate !== undefined && this.worker.context.table.isShedding;
  }

  #readPreface(socket: Socket, rules: PrefaceRules): void {
    socket.on('error', ignore);
    const reader = new PrefaceReader(socket, rules, this.worker.deadlines, (found) => {
      this.#prefaces.delete(reader);
      socket.off('error', ignore);
      if (found === undefined) socket.destroy();
      else if (typeof found !== 'string') this.#enter(socket, found.parties);
      else {
        this.worker.context.log.debug({ reason: found }, 'connection refused');
        const address = clientAddress(socket.remoteAddress);
        socket.destroy();
        this.worker.reportRefused('DOWNSTREAM_BAD_REQUEST', 'proxy_protocol', address);
      }
    });
    this.#prefaces.add(reader);
    reader.start();
  }

  /** Through TLS, where the port has any. */
  #enter(socket: Socket, parties: Parties | undefined): void {
    const gate = this.#gate;
    if (gate === undefined) {
      this.#add(new ClientConnection(this, socket, { parties, tls: undefined }));
      return;
    }
    gate.enter(socket, (outcome) => {
      if (typeof outcome === 'string') {
        const address = parties?.source.address ?? clientAddress(socket.remoteAddress);
        this.worker.reportRefused('DOWNSTREAM_TLS', `tls_${outcome}`, address);
      } else if (outcome.kind === 'secured')
        this.#serveSecured(outcome, { parties, tls: new ClientTls(gate, outcome) });
      else outcome.socket.destroy();
    });
  }

  /** What ALPN has settled is spoken; a client that offered nothing is spoken to in HTTP/1.1. */
  #serveSecured({ socket, alpn }: Secured, start: ConnectionStart): void {
    this.#add(
      alpn === 'h2'
        ? new Http2ClientConnection(this, socket, start, NOTHING)
        : new ClientConnection(this, socket, start),
    );
  }

  /** Once the reader that found out has returned: it may still look for what comes next. */
  speaksHttp2(connection: PortConnection, socket: Socket, start: ConnectionStart, bytes: Buffer): void {
    process.nextTick(() => {
      this.closed(connection);
      if (!socket.destroyed) this.#add(new Http2ClientConnection(this, socket, start, bytes));
    });
  }

  #add(connection: PortConnection): void {
    if (this.#connections.size === 0) this.worker.deadlines.set(this.#sweep, SWEEP_MS);
    this.#connections.add(connection);
  }

  update(view: PortView): void {
    this.#gate?.update(view);
    this.worker.pool.prune();
    this.worker.sessions.prune();
    this.#leaving.update(view.entries.map(({ pool }) => pool));
    const next = view.entries.map(({ pool, listener }) => ({ pool, config: pool.config, listener }));
    // Endpoints come and go far more often than routes do.
    if (isSame(next, this.#compiled)) return;
    this.#compiled = next;
    this.#forgetBudgets(view);
    this.table = compileRouteTable(view.entries, (source) =>
      compileTarget(source, this.#budgetOf(source.pool.uid, source.pool.config), this.worker.context),
    );
    // Listeners that share a port agree on all of these.
    const listener = view.entries[0]?.listener;
    if (listener === undefined) return;
    this.#preface = compilePreface(listener);
    this.clientAddresses = compileClientAddressSource(listener.clientIP);
    this.requestHeaderMs = listener.timeouts.requestHeaderMs;
    this.idleMs = listener.timeouts.idleMs;
    this.#maxConnections = listener.limits.maxConnections ?? this.worker.context.maxConnections;
  }

  drain(): void {
    this.isDraining = true;
    for (const connection of this.#connections.all()) connection.drain();
  }

  destroy(): void {
    for (const reader of this.#prefaces.all()) reader.abort();
    this.#gate?.abort();
    for (const connection of this.#connections.all()) connection.destroy();
  }

  closed(connection: PortConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    this.worker.deadlines.clear(this.#sweep);
    this.worker.restExchanges();
  }

  #sweepConnections(): void {
    const now = this.worker.clock.now();
    for (const connection of this.#connections.all()) connection.sweep(this.#leaving, now);
    if (this.#connections.size > 0) this.worker.deadlines.set(this.#sweep, SWEEP_MS);
  }

  #budgetOf(poolUid: string, config: PoolConfig): RetryBudget {
    const { budget } = config.resilience.retries;
    const known = this.#budgets.get(poolUid);
    if (known === undefined) {
      const created = new RetryBudget(poolUid, budget, this.worker.context.rateTable);
      this.#budgets.set(poolUid, created);
      return created;
    }
    known.update(budget);
    return known;
  }

  #forgetBudgets(view: PortView): void {
    const present = new Set(view.entries.map(({ pool }) => pool.uid));
    for (const uid of this.#budgets.keys()) if (!present.has(uid)) this.#budgets.delete(uid);
  }
}

interface CompiledEntry {
  readonly pool: PoolRuntime;
  readonly config: PoolConfig;
  readonly listener: Listener;
}

function isSame(a: readonly CompiledEntry[], b: readonly CompiledEntry[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ pool, config, listener }, i) => {
      const other = b[i]!;
      return (
        pool === other.pool &&
        isDeepStrictEqual(listener, other.listener) &&
        isDeepStrictEqual(config, other.config)
      );
    })
  );
}

function ignore(): void {}
