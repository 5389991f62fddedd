import type { EndpointState } from '../state/endpoint-state.ts';
import type { PickContext, PickFailure } from './picker.ts';

/** Acquires the first endpoint from index `start` on, going round, that is neither tried nor full. */
export function acquireAny(
  endpoints: readonly EndpointState[],
  start: number,
  { tried, maxInFlight }: PickContext,
): EndpointState | PickFailure {
  let full = false;
  for (let offset = 0; offset < endpoints.length; offset++) {
    const endpoint = endpoints[(start + offset) % endpoints.length]!;
    if (tried.length > 0 && tried.includes(endpoint)) continue;
    if (endpoint.tryAcquire(maxInFlight)) return endpoint;
    full = true;
  }
  return full ? 'all-full' : 'none-eligible';
}
