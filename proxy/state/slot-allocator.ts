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
  /** The keys that each pool holds. */
  readonly #pools = new Map<string, { endpoints: Set<string>; upstreams: Set<string> }>();

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
    const wanted = keysOf(pool);
    if (!this.#endpoints.fits(wanted.endpoints) || !this.#upstreams.fits(wanted.upstreams))
      return 'out-of-slots';
    const before = this.#pools.get(pool.uid);
    this.#pools.set(pool.uid, wanted);
    const slots: Record<string, { upstream: number; endpoints: number[] }> = {};
    for (const { name } of pool.config.backends) {
      slots[name] = {
        upstream: this.#upstreams.take(upstreamKey(pool.uid, name), (slot) =>
          this.#table.resetUpstream(slot),
        ),
        endpoints: (pool.endpoints[name] ?? []).map((endpoint) =>
          this.#endpoints.take(endpointKey(pool.uid, name, endpoint), (slot) =>
            this.#table.resetEndpoint(slot),
          ),
        ),
      };
    }
    for (const key of before?.endpoints ?? []) if (!wanted.endpoints.has(key)) this.#endpoints.giveUp(key);
    for (const key of before?.upstreams ?? []) if (!wanted.upstreams.has(key)) this.#upstreams.giveUp(key);
    return slots;
  }

  /** The pool is gone. */
  forget(poolUid: string): void {
    const held = this.#pools.get(poolUid);
    if (held === undefined) return;
    this.#pools.delete(poolUid);
    for (const key of held.endpoints) this.#endpoints.giveUp(key);
    for (const key of held.upstreams) this.#upstreams.giveUp(key);
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

function keysOf(pool: PoolSnapshot): { endpoints: Set<string>; upstreams: Set<string> } {
  const endpoints = new Set<string>();
  const upstreams = new Set<string>();
  for (const { name } of pool.config.backends) {
    upstreams.add(upstreamKey(pool.uid, name));
    for (const endpoint of pool.endpoints[name] ?? []) endpoints.add(endpointKey(pool.uid, name, endpoint));
  }
  return { endpoints, upstreams };
}

/** Numbers from 0 on, each held by one key, given up, or free. */
class SlotSpace {
  readonly #capacity: number;
  readonly #held = new Map<string, number>();
  readonly #givenUp = new Map<string, number>();
  readonly #free: number[] = [];
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get used(): number {
    return this.#held.size + this.#givenUp.size;
  }

  fits(keys: ReadonlySet<string>): boolean {
    let missing = 0;
    for (const key of keys) if (!this.#held.has(key) && !this.#givenUp.has(key)) missing++;
    return this.used + missing <= this.#capacity;
  }

  take(key: string, reset: (slot: number) => void): number {
    const held = this.#held.get(key);
    if (held !== undefined) return held;
    const slot = this.#givenUp.get(key) ?? this.#free.pop() ?? this.#next++;
    this.#givenUp.delete(key);
    this.#held.set(key, slot);
    reset(slot);
    return slot;
  }

  giveUp(key: string): void {
    const slot = this.#held.get(key);
    if (slot === undefined) return;
    this.#held.delete(key);
    this.#givenUp.set(key, slot);
  }

  settle(mayReuse: (slot: number) => boolean): void {
    for (const [key, slot] of this.#givenUp) {
      if (!mayReuse(slot)) continue;
      this.#givenUp.delete(key);
      this.#free.push(slot);
    }
  }
}
