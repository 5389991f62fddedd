import type { PoolConfig, Route } from '../../api/snapshot.ts';
import type { BackendSelector } from '../upstream/backend-selector.ts';
import type { Upstream } from '../upstream/upstream.ts';

/**
 * One pool in one worker. A new snapshot replaces `config` and updates the upstreams in place, so that what hangs
 * off an endpoint (connections, counts, balancing place) goes on.
 */
export interface PoolRuntime {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Milliseconds since the epoch: the older pool goes first where two of them meet. */
  readonly createdAt: number;
  readonly config: PoolConfig;
  /** By backend name. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** What chooses the endpoint of a request that this route takes; undefined: that no route takes. */
  selector(route: Pick<Route, 'name'> | undefined): BackendSelector;
}
