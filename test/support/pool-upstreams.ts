import type { Endpoint, PoolConfig, Route } from '../../api/snapshot.ts';
import type { SelectRequest } from '../../proxy/upstream/backend-selector.ts';
import type { EndpointState } from '../../proxy/state/endpoint-state.ts';
import { HEALTHY, READY, SharedTable } from '../../proxy/state/shared-table.ts';
import { SlotAllocator } from '../../proxy/state/slot-allocator.ts';
import { PoolUpstreams } from '../../proxy/upstream/pool-upstreams.ts';
import { WaitQueue } from '../../proxy/upstream/wait-queue.ts';
import { backend, poolConfig, poolSnapshot } from './builders.ts';
import { FakeClock } from './fake-clock.ts';
import { seededRng } from './seeded-rng.ts';

export type Endpoints = Readonly<Record<string, readonly Endpoint[]>>;

export function selectRequest(over: Partial<SelectRequest> = {}): SelectRequest {
  return { hashKey: 0, tried: [], maxInFlight: Infinity, bound: undefined, ...over };
}

/** The upstreams of one pool as a worker has them, with the main thread's hands on slots and verdicts. */
export class PoolFixture {
  readonly clock = new FakeClock();
  readonly main = new SharedTable(-1);
  readonly slots = new SlotAllocator(this.main);
  readonly pool: PoolUpstreams;
  readonly #uid: string;
  #config: PoolConfig;
  #endpoints: Endpoints;

  constructor(endpoints: Endpoints, config: Partial<PoolConfig> = {}, uid = 'uid-1') {
    this.#uid = uid;
    this.#endpoints = endpoints;
    this.#config = { ...poolConfig(), ...config };
    const { snapshot, slots } = this.#assign();
    const table = new SharedTable(0, this.main.buffer);
    this.pool = new PoolUpstreams(snapshot, slots, {
      table,
      clock: this.clock,
      rng: seededRng(1),
      here: { zone: '', nodeName: '' },
      queue: new WaitQueue(table, this.clock),
    });
    for (const name of Object.keys(endpoints)) this.setAll(name, READY | HEALTHY);
  }

  /** Takes another snapshot; endpoints that are new in it are healthy at once. */
  update(endpoints: Endpoints = this.#endpoints, config: Partial<PoolConfig> = {}): readonly EndpointState[] {
    const before = new Set(this.endpoints());
    this.#endpoints = endpoints;
    this.#config = { ...this.#config, ...config };
    const { snapshot, slots } = this.#assign();
    const gone = this.pool.update(snapshot, slots);
    for (const endpoint of this.endpoints()) {
      if (!before.has(endpoint)) this.main.setFlags(endpoint.slot, READY | HEALTHY);
    }
    this.slots.settle();
    return gone;
  }

  endpoints(): EndpointState[] {
    return [...this.pool.byBackend.values()].flatMap((upstream) => upstream.endpoints);
  }

  endpoint(name: string, index: number): EndpointState {
    return this.pool.byBackend.get(name)!.endpoints[index]!;
  }

  setFlags(name: string, index: number, flags: number): void {
    this.main.setFlags(this.endpoint(name, index).slot, flags);
    this.main.bumpEpoch(this.pool.byBackend.get(name)!.slot, this.clock.now());
  }

  setAll(name: string, flags: number): void {
    const { endpoints, slot } = this.pool.byBackend.get(name)!;
    for (const endpoint of endpoints) this.main.setFlags(endpoint.slot, flags);
    this.main.bumpEpoch(slot, this.clock.now());
  }

  /** Selects and keeps. */
  acquire(over: Partial<SelectRequest> = {}, route?: Pick<Route, 'name'>): EndpointState | string {
    return this.pool.selector(route).select(selectRequest(over));
  }

  /** Address of the selected endpoint, or the failure; released at once. */
  select(over: Partial<SelectRequest> = {}, route?: Pick<Route, 'name'>): string {
    const selected = this.acquire(over, route);
    if (typeof selected === 'string') return selected;
    selected.release();
    return selected.address;
  }

  selects(count: number, over: Partial<SelectRequest> = {}): string[] {
    return Array.from({ length: count }, () => this.select(over));
  }

  /** Value of the cookie that binds to this endpoint. */
  bindingTo(endpoint: EndpointState): string {
    return /=([^;]*)/.exec(this.pool.affinity!.setCookie(endpoint, false))![1]!;
  }

  #assign() {
    const backends = Object.keys(this.#endpoints).map((name) => backend({ name }));
    const snapshot = poolSnapshot({
      uid: this.#uid,
      config: { ...this.#config, backends },
      endpoints: this.#endpoints,
    });
    const slots = this.slots.assign(snapshot);
    if (slots === 'out-of-slots') throw new Error(slots);
    return { snapshot, slots };
  }
}
