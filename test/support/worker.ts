import type { PoolConfig, PoolSnapshot, Route } from '../../api/snapshot.ts';
import { type Clock, processMicros, systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { Deadlines } from '../../proxy/conn/deadlines.ts';
import { Dialer } from '../../proxy/conn/dialer.ts';
import { ReadBuffers } from '../../proxy/conn/read-buffers.ts';
import type { ErrorCode } from '../../proxy/errors.ts';
import { TrafficMeter } from '../../proxy/observe/traffic-meter.ts';
import type { TrafficRecord } from '../../proxy/observe/traffic-record.ts';
import { RateTable } from '../../proxy/routing/rate-table.ts';
import type { EndpointState } from '../../proxy/state/endpoint-state.ts';
import { HEALTHY, READY, SharedTable } from '../../proxy/state/shared-table.ts';
import { SlotAllocator } from '../../proxy/state/slot-allocator.ts';
import { FlowBudget } from '../../proxy/udp/flow-budget.ts';
import { PoolUpstreams } from '../../proxy/upstream/pool-upstreams.ts';
import { WaitQueue } from '../../proxy/upstream/wait-queue.ts';
import type { Upstream } from '../../proxy/upstream/upstream.ts';
import type { BackendSelector } from '../../proxy/upstream/backend-selector.ts';
import type { PassiveReporter, WorkerContext } from '../../proxy/worker/context.ts';
import type { PoolRuntime } from '../../proxy/worker/pool-runtime.ts';
import { poolSnapshot } from './builders.ts';
import { seededRng } from './seeded-rng.ts';

/** Remembers what the data path said about endpoints, in order: `success 9001`, `UPSTREAM_RESET 9001`. */
export class PassiveRecorder implements PassiveReporter {
  readonly said: string[] = [];

  success({ port }: EndpointState): void {
    this.said.push(`success ${port}`);
  }

  failure({ port }: EndpointState, code: ErrorCode): void {
    this.said.push(`${code} ${port}`);
  }

  errorStatus({ port }: EndpointState, status: number): void {
    this.said.push(`${status} ${port}`);
  }
}

/** One worker's context on the real clock, and the main thread's half of it. */
export class WorkerFixture {
  readonly main = new SharedTable(-1);
  readonly slots = new SlotAllocator(this.main);
  readonly passive = new PassiveRecorder();
  readonly records: TrafficRecord[] = [];
  readonly ctx: WorkerContext;

  constructor(over: Partial<WorkerContext> = {}) {
    const clock: Clock = over.clock ?? systemClock;
    const passive = over.passive ?? this.passive;
    const deadlines = new Deadlines(clock);
    this.ctx = {
      workerId: 0,
      clock,
      rng: seededRng(1),
      log: createLog('silent'),
      table: new SharedTable(0, this.main.buffer),
      rateTable: new RateTable(processMicros(), { seed: 1 }),
      passive,
      deadlines,
      dialer: new Dialer(clock, deadlines, passive),
      buffers: new ReadBuffers(),
      traffic: new TrafficMeter(),
      accessLog: { record: (record) => this.records.push({ ...record }) },
      maxConnections: 10_000,
      flowBudget: new FlowBudget(10_000),
      ...over,
    };
  }

  /** Errors of what is over, in order; undefined for what ended well. */
  get errors(): (ErrorCode | undefined)[] {
    return this.records.map(({ error }) => error);
  }
}

/** A pool as a worker serves it; its endpoints are up until `setFlags` says otherwise. */
export class RunningPool implements PoolRuntime {
  readonly #worker: WorkerFixture;
  readonly #upstreams: PoolUpstreams;
  #snapshot: PoolSnapshot;

  constructor(worker: WorkerFixture, snapshot: Partial<PoolSnapshot>) {
    this.#worker = worker;
    this.#snapshot = poolSnapshot(snapshot);
    const { table, clock, rng } = worker.ctx;
    this.#upstreams = new PoolUpstreams(this.#snapshot, this.#assign(), {
      table,
      clock,
      rng,
      here: { zone: '', nodeName: '' },
      queue: new WaitQueue(table, clock),
    });
    for (const endpoint of this.endpoints) this.setFlags(endpoint, READY | HEALTHY);
  }

  /** Takes the next snapshot; endpoints that are new in it are up at once. */
  update(snapshot: Partial<PoolSnapshot>): void {
    const before = new Set(this.endpoints);
    this.#snapshot = { ...this.#snapshot, ...snapshot };
    for (const gone of this.#upstreams.update(this.#snapshot, this.#assign())) {
      this.#worker.main.setFlags(gone.slot, 0);
    }
    for (const endpoint of this.endpoints) {
      if (!before.has(endpoint)) this.setFlags(endpoint, READY | HEALTHY);
    }
    this.#worker.slots.settle();
  }

  setFlags(endpoint: EndpointState, flags: number): void {
    this.#worker.main.setFlags(endpoint.slot, flags);
    for (const upstream of this.upstreams.values()) {
      this.#worker.main.bumpEpoch(upstream.slot, this.#worker.ctx.clock.now());
    }
  }

  get endpoints(): EndpointState[] {
    return [...this.upstreams.values()].flatMap((upstream) => upstream.endpoints);
  }

  get uid(): string {
    return this.#snapshot.uid;
  }

  get namespace(): string {
    return this.#snapshot.namespace;
  }

  get name(): string {
    return this.#snapshot.name;
  }

  get createdAt(): number {
    return this.#snapshot.createdAt;
  }

  get config(): PoolConfig {
    return this.#snapshot.config;
  }

  get upstreams(): ReadonlyMap<string, Upstream> {
    return this.#upstreams.byBackend;
  }

  selector(route: Pick<Route, 'name'> | undefined): BackendSelector {
    return this.#upstreams.selector(route);
  }

  #assign() {
    const slots = this.#worker.slots.assign(this.#snapshot);
    if (slots === 'out-of-slots') throw new Error(slots);
    return slots;
  }
}
