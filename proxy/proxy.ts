import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { EndpointReport } from '../api/health.ts';
import type { PoolSnapshot, Protocol } from '../api/snapshot.ts';
import { servable } from '../api/unresolved.ts';
import type { PoolTraffic } from '../api/traffic.ts';
import { processMicros, type Clock, type Rng } from '../lib/clock.ts';
import { hostPort } from '../lib/host-port.ts';
import type { MetricsFormat } from '../lib/metrics-format.ts';
import { HealthMonitor, type PoolSlots } from './health/health-monitor.ts';
import { createProber } from './health/prober.ts';
import { planPorts, type PlannedPort } from './listen/port-plan.ts';
import type { BackendQueue, EndpointLoad, ProxyLoad } from './observe/load.ts';
import { endpointSeries, type EndpointSeries } from './observe/endpoint-series.ts';
import { poolTraffic } from './observe/pool-traffic.ts';
import { ProxyMetrics, type ControlState } from './observe/metrics.ts';
import type { Redundancy } from './redundancy/active-passive.ts';
import { checkRouting, pathOf } from './routing/check-routing.ts';
import { RateTable } from './routing/rate-table.ts';
import { SharedTable } from './state/shared-table.ts';
import { SlotAllocator } from './state/slot-allocator.ts';
import { type Memory, MemoryGuard, systemMemory } from './memory-guard.ts';
import { SlowStarter } from './upstream/slow-starter.ts';
import { WorkerFleet } from './worker/fleet.ts';
import { release, reserve, type Reservation } from './worker/port-reservation.ts';
import type { PoolChange, WorkerData } from './worker/protocol.ts';

export interface ProxyOptions {
  /** Address of listeners that name none. */
  readonly bindAddress: string;
  readonly workers: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly accessLog: boolean;
  /** Where this proxy runs, for locality preferences. */
  readonly zone?: string;
  readonly nodeName?: string;
  /** See `FleetOptions`. */
  readonly workerEntry?: URL;
  /** Client connections over all workers; each gets its share. */
  readonly maxConnections: number;
  /** Absent: the system's, if it sets a limit. */
  readonly memory?: Memory;
  /** Endpoints that may have metrics of their own; absent: none. */
  readonly endpointMetrics?: number;
}

export interface ApplyError {
  /** Field path in the resource, e.g. `spec.listeners[0].port`. */
  readonly path: string;
  readonly message: string;
}

/** Applied, or refused with reasons while what was there before goes on. */
export type ApplyOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly errors: readonly ApplyError[] };

export interface SnapshotChange {
  readonly upsert: readonly PoolSnapshot[];
  /** Uids. */
  readonly remove: readonly string[];
}

const SERVED: ReadonlySet<Protocol> = new Set<Protocol>(['TCP', 'TLS', 'UDP', 'HTTP', 'HTTPS']);

const MANY_ENDPOINTS = 1_000;

interface Applied {
  readonly snapshot: PoolSnapshot;
  readonly slots: PoolSlots;
}

/**
 * A proxy: one process, this main thread and its workers. The main thread owns ports, health and slots; workers
 * forward. Changes are applied one after the other, each as a diff against what is there: nothing restarts, and
 * what did not change is not touched.
 */
export class Proxy {
  readonly health: HealthMonitor;
  readonly #options: ProxyOptions;
  readonly #table = new SharedTable(-1);
  readonly #slots: SlotAllocator;
  readonly #fleet: WorkerFleet;
  readonly #slowStarter: SlowStarter;
  readonly #metrics: ProxyMetrics;
  readonly #memoryGuard: MemoryGuard | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #pools = new Map<string, Applied>();
  #ports = new Map<string, PlannedPort>();
  #queue: Promise<unknown> = Promise.resolve();
  #ready = false;
  #draining = false;

  private constructor(options: ProxyOptions) {
    const { clock, rng, log } = options;
    this.#options = options;
    this.#slots = new SlotAllocator(this.#table);
    this.#metrics = new ProxyMetrics(
      () => this.#endpointStates(),
      () => this.#endpointSeries(),
      () => [...this.#pools.values()].flatMap(({ snapshot }) => certificatesOf(snapshot)),
    );
    const { memory = systemMemory() } = options;
    this.#memoryGuard =
      memory === undefined
        ? undefined
        : new MemoryGuard(memory, options, (value) => {
            this.#table.shed(value);
            this.#metrics.isShedding = value;
          });
    this.health = new HealthMonitor({
      clock,
      rng,
      table: this.#table,
      log,
      prober: createProber(clock),
      onTransition: (transition) => {
        this.#metrics.countTransition(transition);
        this.#slowStarter.refresh(transition.poolUid);
      },
      onChange: () => {
        for (const listener of this.#listeners) listener();
      },
    });
    this.#slowStarter = new SlowStarter({
      clock,
      table: this.#table,
      eligibleSince: (slot) => this.health.eligibleSince(slot),
    });
    this.#fleet = new WorkerFleet({
      workers: options.workers,
      table: this.#table,
      rateTable: new RateTable(processMicros(), { seed: Math.floor(rng() * 2 ** 32) }),
      clock,
      log,
      data: workerData(options),
      ...(options.workerEntry === undefined ? {} : { entry: options.workerEntry }),
      onPassive: (event) => this.health.observe(event),
      onReplaced: (reason) => {
        this.#metrics.countReplacedWorker(reason);
        this.health.workerLost();
      },
    });
  }

  static async start(options: ProxyOptions): Promise<Proxy> {
    const proxy = new Proxy(options);
    await proxy.#fleet.start();
    return proxy;
  }

  /**
   * Applies a change; the outcome of each upserted pool by uid. When it resolves, no new request meets what was
   * before. A pool that is refused keeps its last good snapshot, the others of the same change are applied.
   */
  apply(change: SnapshotChange): Promise<Map<string, ApplyOutcome>> {
    const applied = this.#queue.then(() => this.#apply(change));
    this.#queue = applied.catch(() => undefined);
    return applied;
  }

  /** All that there is to serve, be it nothing, has been applied once: ready when the first checks have answered. */
  complete(): void {
    const { health } = this;
    void this.#queue
      .then(() => health.firstRound())
      .then(() => {
        this.#ready = true;
      });
  }

  /** What is served now. */
  get pools(): readonly PoolSnapshot[] {
    return [...this.#pools.values()].map((pool) => pool.snapshot);
  }

  reports(uid: string): EndpointReport[] {
    return this.health.reports(uid);
  }

  /** Threads that serve now. */
  get workers(): number {
    return this.#fleet.size;
  }

  /** Calls back after any change of what `reports` shows; returns how to end that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** True once all was applied, its listeners are open, and the first round of checks is over. */
  get ready(): boolean {
    return this.#ready && !this.#draining;
  }

  async #apply(change: SnapshotChange): Promise<Map<string, ApplyOutcome>> {
    const outcomes = new Map<string, ApplyOutcome>();
    const upsert = change.upsert
      .filter(({ uid, digest }) => this.#pools.get(uid)?.snapshot.digest !== digest)
      .map(servable);
    for (const pool of change.upsert) outcomes.set(pool.uid, unserved(pool));

    // Ports first: whether they can be had decides whether a pool is accepted at all.
    const next = new Map([...this.#pools].map(([uid, { snapshot }]) => [uid, snapshot]));
    for (const uid of change.remove) next.delete(uid);
    for (const pool of upsert) if (outcomes.get(pool.uid)?.ok === true) next.set(pool.uid, pool);
    const reserved = await this.#reserve(planPorts(next.values(), this.#options.bindAddress), outcomes);
    const accepted = upsert.filter((pool) => outcomes.get(pool.uid)?.ok === true);
    const changes: PoolChange[] = [];
    for (const pool of accepted) {
      const slots = this.#slots.assign(pool);
      if (slots === 'out-of-slots') {
        const message = 'this proxy has no room for more endpoints';
        outcomes.set(pool.uid, { ok: false, errors: [{ path: 'spec.backends', message }] });
        continue;
      }
      await restAfter(pool);
      this.health.update(pool, slots);
      this.#slowStarter.update(pool, slots);
      await restAfter(pool);
      this.#pools.set(pool.uid, { snapshot: pool, slots });
      changes.push({ pool, slots });
    }
    const gone = change.remove.flatMap((uid) => this.#pools.get(uid)?.snapshot ?? []);
    for (const { uid } of gone) this.#pools.delete(uid);

    await this.#fleet.apply(changes, change.remove);
    this.health.applied();
    await this.#movePorts(reserved);
    for (const pool of gone) {
      this.health.remove(pool.uid);
      this.#slowStarter.remove(pool.uid);
      this.#slots.forget(pool.uid);
      await this.#metrics.forget(`${pool.namespace}/${pool.name}`);
    }
    this.#slots.settle();
    return outcomes;
  }

  /** Takes the ports that are not open yet; pools that ask for one that cannot be had are refused. */
  async #reserve(
    wanted: ReadonlyMap<string, PlannedPort>,
    outcomes: Map<string, ApplyOutcome>,
  ): Promise<Map<string, Reservation>> {
    const reserved = new Map<string, Reservation>();
    for (const port of wanted.values()) {
      if (this.#ports.has(port.id)) continue;
      const reservation = await reserve(port, this.#fleet.size);
      if (typeof reservation !== 'string') {
        reserved.set(port.id, reservation);
        continue;
      }
      for (const { pool, listener } of port.entries) {
        const path = `${pathOf(listener)}.port`;
        outcomes.set(pool.uid, { ok: false, errors: [{ path, message: reservation }] });
      }
    }
    return reserved;
  }

  /** Opens the ports that the applied pools want and closes those nobody wants any more. */
  async #movePorts(reserved: ReadonlyMap<string, Reservation>): Promise<void> {
    const pools = [...this.#pools.values()].map((pool) => pool.snapshot);
    const wanted = planPorts(pools, this.#options.bindAddress);
    const closing = [...this.#ports.keys()].filter((id) => !wanted.has(id));
    await Promise.all(closing.map((id) => this.#fleet.unlisten(id)));
    for (const [id, reservation] of reserved) {
      if (!wanted.has(id)) release(reservation);
      else await this.#fleet.listen(reservation);
    }
    this.#ports = wanted;
  }

  #endpointStates(): { pool: string; backend: string; state: string; count: number }[] {
    const counts = new Map<string, { pool: string; backend: string; state: string; count: number }>();
    for (const { snapshot } of this.#pools.values()) {
      const pool = `${snapshot.namespace}/${snapshot.name}`;
      for (const { backend, verdict } of this.reports(snapshot.uid)) {
        const key = `${pool} ${backend} ${verdict.state}`;
        const row = counts.get(key) ?? { pool, backend, state: verdict.state, count: 0 };
        row.count += 1;
        counts.set(key, row);
      }
    }
    return [...counts.values()];
  }

  /** This proxy is one of several, of which one takes the traffic: the metrics show which. */
  standBy(redundancy: Redundancy): void {
    this.#metrics.redundancy = redundancy;
  }

  /** What this proxy serves is told by controllers: the metrics show how it stands to them. */
  follow(control: ControlState): void {
    this.#metrics.control = control;
  }

  #endpointSeries(): EndpointSeries {
    const pools = [...this.#pools.values()].map(({ snapshot, slots }) => ({
      createdAt: snapshot.createdAt,
      size: Object.values(slots).reduce((sum, { endpoints }) => sum + endpoints.length, 0),
      read: () =>
        Object.entries(slots).flatMap(([backend, held]) =>
          held.endpoints.map((slot, index) => {
            const { address, port } = snapshot.endpoints[backend]![index]!;
            return {
              pool: `${snapshot.namespace}/${snapshot.name}`,
              backend,
              endpoint: hostPort(address, port),
              ...this.#table.attempts(slot),
              inFlight: this.#table.inFlight(slot),
            };
          }),
        ),
    }));
    return endpointSeries(pools, this.#options.endpointMetrics ?? 0);
  }

  /** What all threads have counted. */
  async scrape(format: MetricsFormat): Promise<{ readonly body: string; readonly contentType: string }> {
    const { metrics, loads } = await this.#fleet.collect();
    this.#metrics.loads = loads;
    return this.#metrics.page(metrics, format);
  }

  /** What each pool has carried so far. */
  async traffic(): Promise<PoolTraffic[]> {
    return poolTraffic(await this.#fleet.count());
  }

  /** What is open and under way now. */
  async load(): Promise<ProxyLoad> {
    const { loads } = await this.#fleet.collect();
    const endpoints: EndpointLoad[] = [];
    const queues: BackendQueue[] = [];
    for (const { snapshot, slots } of this.#pools.values()) {
      const pool = `${snapshot.namespace}/${snapshot.name}`;
      for (const [backend, held] of Object.entries(slots)) {
        const waiting = this.#table.waiting(held.upstream);
        if (waiting > 0) queues.push({ pool, backend, waiting });
        held.endpoints.forEach((slot, index) => {
          const inFlight = this.#table.inFlight(slot);
          if (inFlight === 0) return;
          const { address, port } = snapshot.endpoints[backend]![index]!;
          endpoints.push({ pool, backend, address, port, inFlight });
        });
      }
    }
    endpoints.sort((a, b) => b.inFlight - a.inFlight);
    return { workers: loads, endpoints, queues };
  }

  /**
   * Leaves in good order: not ready from now on, then (after `graceMs`, for those who route to this proxy to notice)
   * no new connections, `Connection: close` on what is open. Resolves when nothing is open, after `timeoutMs`, or as
   * soon as `forced` says so.
   */
  async drain(graceMs: number, timeoutMs: number, forced?: AbortSignal): Promise<void> {
    this.#draining = true;
    await wait(graceMs, forced);
    const over = new AbortController();
    const late = wait(timeoutMs, AbortSignal.any([over.signal, ...(forced === undefined ? [] : [forced])]));
    await Promise.race([this.#fleet.drain(), late]);
    over.abort();
  }

  async close(): Promise<void> {
    this.health.close();
    this.#slowStarter.close();
    this.#memoryGuard?.close();
    // Node waits for every thread, whatever way a process ends by itself: a stuck one would hold this one for ever.
    if (!(await this.#fleet.close())) process.kill(process.pid, 'SIGKILL');
  }
}

function certificatesOf({ namespace, name, config }: PoolSnapshot) {
  return config.listeners.flatMap(({ name: listener, tls }) =>
    tls?.mode !== 'Terminate'
      ? []
      : tls.certificates.map(({ secret, notAfter }) => ({
          pool: `${namespace}/${name}`,
          listener,
          secret,
          notAfter,
        })),
  );
}

/** Refuses a pool with a listener whose protocol this build does not carry, or with routes that cannot be compiled. */
function unserved({ config }: PoolSnapshot): ApplyOutcome {
  const errors: ApplyError[] = config.listeners.flatMap((listener) =>
    SERVED.has(listener.protocol)
      ? []
      : [{ path: `${pathOf(listener)}.protocol`, message: `${listener.protocol} is not supported yet` }],
  );
  errors.push(...checkRouting(config));
  return errors.length === 0 ? { ok: true } : { ok: false, errors };
}

/** A large pool takes tens of milliseconds the first time: in between, timers and answers get their turn. */
async function restAfter({ endpoints }: PoolSnapshot): Promise<void> {
  const count = Object.values(endpoints).reduce((sum, list) => sum + list.length, 0);
  if (count > MANY_ENDPOINTS) await setImmediate();
}

function workerData(options: ProxyOptions): Omit<WorkerData, 'workerId' | 'table' | 'rateTable'> {
  return {
    bindAddress: options.bindAddress,
    logLevel: options.log.level,
    accessLog: options.accessLog,
    maxConnections: Math.max(1, Math.floor(options.maxConnections / options.workers)),
    ...(options.zone === undefined ? {} : { zone: options.zone }),
    ...(options.nodeName === undefined ? {} : { nodeName: options.nodeName }),
  };
}

/** Resolves after `ms`, or when the signal says so. */
async function wait(ms: number, signal?: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}
