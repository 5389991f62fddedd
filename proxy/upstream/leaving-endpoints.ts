import { DRAINING, EXCLUDED } from '../state/shared-table.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import type { PoolRuntime } from '../worker/pool-runtime.ts';

/**
 * Since when endpoints that sessions hold on to have been on their way out: drained, excluded, or gone from the
 * configuration. Sessions get the pool's drain time to end by themselves.
 */
export class LeavingEndpoints {
  readonly #since = new WeakMap<EndpointState, number>();
  #pools: readonly PoolRuntime[] = [];
  /** Made when it is asked for: configurations come more often than that. */
  #present: ReadonlySet<EndpointState> | undefined;

  /** To be called with the pools of each new configuration. */
  update(pools: readonly PoolRuntime[]): void {
    this.#pools = pools;
    this.#present = undefined;
  }

  /** Is it in the configuration no more? */
  isGone(endpoint: EndpointState): boolean {
    this.#present ??= new Set(
      this.#pools.flatMap(({ upstreams }) => [...upstreams.values()].flatMap(({ endpoints }) => endpoints)),
    );
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
