import type { PoolSnapshot } from '../../api/snapshot.ts';
import type { PoolSlots } from '../health/health-monitor.ts';
import { endpointKey } from './identity.ts';
import { SharedTable } from './shared-table.ts';

export interface SlotCapacity {
  readonly endpoints: number;
  readonly upstreams: number;
}

/**
 * Hands out the slots of the shared table, on the main thread: one for each backend and each endpoint that a
 * snapshot names, the same one for as long as it names it.
 *
 * A slot that nothing names any more is reused only when no worker can write to it: after `settle`, which says
 * that every worker has let go of the snapshots before, and with nothing in flight. An endpoint that comes back
 * earlier gets its old slot, count included.
 */
export class SlotAllocator {
  readonly #table: SharedTable;
  readonly #endpoints: SlotSpace;
  readonly #upstreams: SlotSpace;
  /** What each pool holds. */
  readonly #pools = new Map<string, { endpoints: readonly Held[]; upstreams: readonly Held[] }>();
  /** Counts assignments. */
  #round = 0;

  constructor(
    table: SharedTable,
    capacity: SlotCapacity = { endpoints: SharedTable.endpointSlots, upstreams: SharedTable.upstreamSlots },
  ) {
    this.#table = table;
    this.#endpoints = new SlotSpace(capacity.endpoints);
    this.#upstreams = new SlotSpace(capacity.upstreams);
  }

  /** The slots of a pool's next snapshot; what it no longer names is given up. Changes nothing when out of slots. */
  assign(pool: PoolSnapshot): PoolSlots | 'out-of-slots' {
    const { uid, config } = pool;
    const upstreamKeys = config.backends.map(({ name }) => upstreamKey(uid, name));
    const endpointKeys = config.backends.map(({ name }) =>
      (pool.endpoints[name] ?? []).map((endpoint) => endpointKey(uid, name, endpoint)),
    );
    if (!this.#endpoints.fits(endpointKeys.flat()) || !this.#upstreams.fits(upstreamKeys))
      return 'out-of-slots';
    const before = this.#pools.get(uid);
    const round = ++this.#round;
    const upstreams = this.#upstreams.take(upstreamKeys, round, (slot) => this.#table.resetUpstream(slot));
    const endpoints = endpointKeys.map((keys) =>
      this.#endpoints.take(keys, round, (slot) => this.#table.resetEndpoint(slot)),
    );
    this.#pools.set(uid, { upstreams, endpoints: endpoints.flat() });
    for (const held of before?.endpoints ?? []) if (held.round !== round) this.#endpoints.giveUp(held);
    for (const held of before?.upstreams ?? []) if (held.round !== round) this.#upstreams.giveUp(held);
    return Object.fromEntries(
      config.backends.map(({ name }, i) => [
        name,
        { upstream: upstreams[i]!.slot, endpoints: endpoints[i]!.map(({ slot }) => slot) },
      ]),
    );
  }

  /** The pool is gone. */
  forget(poolUid: string): void {
    const held = this.#pools.get(poolUid);
    if (held === undefined) return;
    this.#pools.delete(poolUid);
    for (const each of held.endpoints) this.#endpoints.giveUp(each);
    for (const each of held.upstreams) this.#upstreams.giveUp(each);
  }

  /** Every worker serves what was assigned last: frees what was given up and has nothing in flight or waiting any more. */
  settle(): void {
    this.#endpoints.settle((slot) => this.#table.inFlight(slot) === 0);
    this.#upstreams.settle((slot) => this.#table.waiting(slot) === 0);
  }

  /** Slots that are not free, those given up and not yet settled included. */
  get used(): SlotCapacity {
    return { endpoints: this.#endpoints.used, upstreams: this.#upstreams.used };
  }
}

function upstreamKey(poolUid: string, backend: string): string {
  return `${poolUid}/${backend}`;
}

interface Held {
  readonly key: string;
  readonly slot: number;
  /** The last assignment that named it. */
  round: number;
}

/** Numbers from 0 on, each held by one key, given up, or free. */
class SlotSpace {
  readonly #capacity: number;
  readonly #held = new Map<string, Held>();
  readonly #givenUp = new Map<string, number>();
  readonly #free: number[] = [];
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get used(): number {
    return this.#held.size + this.#givenUp.size;
  }

  fits(keys: readonly string[]): boolean {
    if (this.used + keys.length <= this.#capacity) return true;
    const missing = keys.filter((key) => !this.#held.has(key) && !this.#givenUp.has(key));
    return this.used + new Set(missing).size <= this.#capacity;
  }

  /** Parallel to `keys`. */
  take(keys: readonly string[], round: number, reset: (slot: number) => void): Held[] {
    return keys.map((key) => {
      let held = this.#held.get(key);
      if (held === undefined) {
        const slot = this.#givenUp.get(key) ?? this.#free.pop() ?? this.#next++;
        this.#givenUp.delete(key);
        held = { key, slot, round };
        this.#held.set(key, held);
        reset(slot);
      }
      held.round = round;
      return held;
    });
  }

  giveUp({ key, slot }: Held): void {
    if (this.#held.delete(key)) this.#givenUp.set(key, slot);
  }

  settle(mayReuse: (slot: number) => boolean): void {
    for (const [key, slot] of this.#givenUp) {
      if (!mayReuse(slot)) continue;
      this.#givenUp.delete(key);
      this.#free.push(slot);
    }
  }
}
