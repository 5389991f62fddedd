import type { Clock, Rng } from '../../lib/clock.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import type { SharedTable } from '../state/shared-table.ts';

/** Why no endpoint was picked. */
export type PickFailure =
  /** There is none at all. */
  | 'no-endpoints'
  /** There are some, and none of them may take it: unhealthy, draining, or tried already. */
  | 'none-eligible'
  /** Every backend has weight 0: nothing new goes anywhere. */
  | 'no-weight'
  /** Every endpoint that is left is at its limit: queue, then 503. */
  | 'all-full';

export interface PickContext {
  /** 32-bit hash of the request's key; algorithms that don't hash ignore it. */
  readonly hashKey: number;
  /** Endpoints that this request has tried: passed over. */
  readonly tried: readonly EndpointState[];
  /** Requests (L4: sessions) in flight at which an endpoint is full, over all workers of this proxy; Infinity: no limit. */
  readonly maxInFlight: number;
}

/**
 * Chooses among a fixed set of eligible endpoints; replaced whole when the set or a weight changes.
 *
 * `pick` is synchronous, allocates nothing, and **acquires**: the endpoint it returns has one more in flight,
 * counted over all workers, and the caller releases it exactly once. That makes limits and least connections
 * exact while several threads pick. Policies know endpoints and weights; nothing of health, sockets or HTTP.
 */
export interface Picker {
  pick(ctx: PickContext): EndpointState | PickFailure;
}

/** What a picker is made from. */
export interface PickerInput {
  /** Every endpoint of the set in canonical order, also those that may take nothing now. */
  readonly members: readonly EndpointState[];
  /** Those that may, in the same order. */
  readonly eligible: readonly EndpointState[];
  readonly table: SharedTable;
  /** Slot of the upstream, whose cursor is shared by all workers. */
  readonly upstream: number;
  readonly clock: Clock;
  readonly rng: Rng;
  /** The picker that this one replaces, to go on where it was. */
  readonly previous: Picker | undefined;
}
