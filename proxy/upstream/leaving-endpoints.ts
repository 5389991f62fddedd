import { DRAINING, EXCLUDED } from '../state/shared-table.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import type { PoolRuntime } from '../worker/pool-runtime.ts';

/**
 * Since when endpoints that sessions hold on to have been on their way out: drained, excluded, or gone from the
 * configuration. Sessions get the pool's drain time to end by themselves.
 */
export class LeavingEndpoints {
  readonly #since = new WeakMap<EndpointState, number>();
  #present: ReadonlySet<EndpointState> = new Set();

  /** To be called with the pools of each new configuration. */
  update(pools: readonly PoolRuntime[]): void {
    const upstreams = pools.flatMap((pool) => [...pool.upstreams.values()]);
    this.#present = new Set(upstreams.flatMap(({ endpoints }) => endpoints));
  }

  /** Is it in the configuration no more? */
  isGone(endpoint: EndpointState): boolean {
    return !this.#present.has(endpoint);
  }

  /** Has it been seen leaving for at least this long? To be asked now and then. */
  isOverdue(endpoint: EndpointState, drainMs: number, nowMs: number): boolean {
    const isLeaving =
      this.isGone(endpoint) || (endpoint.table.flags(endpoint.slot) & (DRAINING | EXCLUDED)) !== 0;
    if (!isLeaving) {
      this.#since.delete(endpoint);
      return false;
    }
    const since = this.#since.get(endpoint);
    if (since === undefined) this.#since.set(endpoint, nowMs);
    return since !== undefined && nowMs - since >= drainMs;
  }
}
