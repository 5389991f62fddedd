import type { EndpointState } from '../state/endpoint-state.ts';

/** Why no endpoint was picked. */
export type PickFailure =
  /** The set is empty. */
  | 'no-endpoints'
  /** Every endpoint was tried already. */
  | 'none-eligible'
  /** Every endpoint that is left is at its limit: queue, then 503. */
  | 'all-full';

export interface PickContext {
  /** 32-bit hash of the request's key; algorithms that don't hash ignore it. */
  hashKey: number;
  /** Endpoints that this request has tried: passed over. */
  tried: readonly EndpointState[];
  /** Requests (L4: sessions) in flight at which an endpoint is full, over all workers of this proxy; Infinity: no limit. */
  maxInFlight: number;
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
