import type { Endpoint, LoadBalancing } from '../../api/snapshot.ts';
import type { PickContext } from '../../proxy/balancer/picker.ts';
import type { EndpointState } from '../../proxy/state/endpoint-state.ts';
import { HEALTHY, READY, SharedTable } from '../../proxy/state/shared-table.ts';
import { SlotAllocator } from '../../proxy/state/slot-allocator.ts';
import { WaitQueue } from '../../proxy/upstream/wait-queue.ts';
import { Upstream, type UpstreamConfig } from '../../proxy/upstream/upstream.ts';
import { backend, endpoint, poolConfig, poolSnapshot } from './builders.ts';
import { FakeClock } from './fake-clock.ts';
import { seededRng } from './seeded-rng.ts';

export const UP = READY | HEALTHY;
export const DOWN = READY;

export function pickContext(over: Partial<PickContext> = {}): PickContext {
  return { hashKey: 0, tried: [], maxInFlight: Infinity, ...over };
}

/** Endpoints at 10.0.0.1, 10.0.0.2, …, one for each weight. */
export function endpoints(...weights: number[]): Endpoint[] {
  return weights.map((weight, index) => numbered(index + 1, { weight }));
}

export function numbered(n: number, over: Partial<Endpoint> = {}): Endpoint {
  return endpoint({ address: `10.0.${n >> 8}.${n & 255}`, ...over });
}

/** One upstream as a worker has it, with the main thread's hands on its verdicts. */
export class UpstreamFixture {
  readonly clock = new FakeClock();
  readonly table: SharedTable;
  readonly upstream: Upstream;
  readonly #main: SharedTable;
  readonly #slots: SlotAllocator;
  #loadBalancing: LoadBalancing;
  #config: UpstreamConfig;

  constructor(list: readonly Endpoint[], loadBalancing: Partial<LoadBalancing> = {}, seed = 1) {
    this.#main = new SharedTable(-1);
    this.table = new SharedTable(0, this.#main.buffer);
    this.#slots = new SlotAllocator(this.#main);
    this.#loadBalancing = { ...poolConfig().loadBalancing, ...loadBalancing };
    const { slot, config } = this.#assign(list);
    this.#config = config;
    this.upstream = new Upstream('uid-1', slot, config, {
      table: this.table,
      clock: this.clock,
      rng: seededRng(seed),
      here: { zone: 'here', nodeName: 'here-1' },
      queue: new WaitQueue(this.table, this.clock),
    });
    for (const state of this.upstream.endpoints) this.#main.setFlags(state.slot, UP);
  }

  /** What the upstream was told last. */
  get config(): UpstreamConfig {
    return this.#config;
  }

  /** Takes another list; what is new in it is healthy at once. */
  update(
    list: readonly Endpoint[],
    loadBalancing: Partial<LoadBalancing> = {},
    flags = UP,
  ): readonly EndpointState[] {
    this.#loadBalancing = { ...this.#loadBalancing, ...loadBalancing };
    const before = new Set(this.upstream.endpoints);
    this.#config = this.#assign(list).config;
    const gone = this.upstream.update(this.#config);
    for (const state of this.upstream.endpoints) {
      if (!before.has(state)) this.#main.setFlags(state.slot, flags);
    }
    for (const state of gone) this.#main.setFlags(state.slot, 0);
    this.#slots.settle();
    return gone;
  }

  setFlags(state: EndpointState, flags: number): void {
    this.#main.setFlags(state.slot, flags);
    this.#main.bumpEpoch(this.upstream.slot, this.clock.now());
  }

  setWeightPercent(state: EndpointState, percent: number): void {
    this.#main.setWeightPercent(state.slot, percent);
    this.#main.bumpEpoch(this.upstream.slot, this.clock.now());
  }

  /** Picks and keeps. */
  acquire(over: Partial<PickContext> = {}): EndpointState | string {
    void this.upstream.version;
    return this.upstream.pick(pickContext(over));
  }

  /** Last number of the picked endpoint's address, or the failure; released at once. */
  pick(over: Partial<PickContext> = {}): number | string {
    const picked = this.acquire(over);
    if (typeof picked === 'string') return picked;
    picked.release();
    return Number(picked.address.split('.').at(-1));
  }

  picks(count: number, over: Partial<PickContext> = {}): (number | string)[] {
    return Array.from({ length: count }, () => this.pick(over));
  }

  #assign(list: readonly Endpoint[]) {
    const pool = poolSnapshot({ endpoints: { v1: list } });
    const slots = this.#slots.assign(pool);
    if (slots === 'out-of-slots') throw new Error(slots);
    const { upstream, endpoints } = slots['v1']!;
    const config = {
      backend: backend(),
      endpoints: list,
      slots: endpoints,
      loadBalancing: this.#loadBalancing,
    };
    return { slot: upstream, config };
  }
}
