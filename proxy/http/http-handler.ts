import type { Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { Listener, PoolConfig } from '../../api/snapshot.ts';
import type { PortHandler, PortView } from '../listen/port-handler.ts';
import { compileRouteTable } from '../routing/route-table.ts';
import type { WorkerContext } from '../worker/context.ts';
import { type ClientAddressSource, compileClientAddressSource } from './client-address.ts';
import { ClientConnection, type HttpPort } from './h1/client-connection.ts';
import { HttpWorker } from './http-worker.ts';
import { RetryBudget } from './retry-budget.ts';
import { compileTarget, type HttpRouteTable } from './route-target.ts';

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
  readonly #connections = new Set<ClientConnection>();
  /** By pool uid: what was spent is not given back by a change. */
  readonly #budgets = new Map<string, RetryBudget>();
  /** What the table was compiled from. */
  #compiled: readonly { readonly uid: string; readonly config: PoolConfig; readonly listener: Listener }[] =
    [];
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
    this.update(view);
  }

  get connections(): number {
    return this.#connections.size;
  }

  accept(socket: Socket): void {
    if (this.#connections.size >= this.#maxConnections) {
      this.worker.context.traffic.refuse('OVERLOADED');
      socket.destroy();
      return;
    }
    this.#connections.add(new ClientConnection(this, socket));
  }

  update(view: PortView): void {
    this.worker.pool.prune();
    const next = view.entries.map(({ pool, listener }) => ({ uid: pool.uid, config: pool.config, listener }));
    // Endpoints come and go far more often than routes do.
    if (this.#compiled.length > 0 && isDeepStrictEqual(next, this.#compiled)) return;
    this.#compiled = next;
    this.#forgetBudgets(view);
    this.table = compileRouteTable(view.entries, (source) =>
      compileTarget(source, this.#budgetOf(source.pool.uid, source.pool.config), this.worker.context),
    );
    // Listeners that share a port agree on all of these.
    const listener = view.entries[0]?.listener;
    if (listener === undefined) return;
    this.clientAddresses = compileClientAddressSource(listener.clientIP);
    this.requestHeaderMs = listener.timeouts.requestHeaderMs;
    this.idleMs = listener.timeouts.idleMs;
    this.#maxConnections = listener.limits.maxConnections ?? this.worker.context.maxConnections;
  }

  drain(): void {
    this.isDraining = true;
    for (const connection of this.#connections) connection.drain();
  }

  destroy(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  closed(connection: ClientConnection): void {
    this.#connections.delete(connection);
  }

  #budgetOf(poolUid: string, config: PoolConfig): RetryBudget {
    const { budget } = config.resilience.retries;
    const known = this.#budgets.get(poolUid);
    if (known === undefined) {
      const created = new RetryBudget(budget);
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
