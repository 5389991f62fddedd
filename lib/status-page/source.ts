import type { EndpointRow, PoolProxyRow, ProcessView, ProxyRow } from '../../api/overview.ts';
import type { LoadBalancerPool } from '../../api/pool.ts';
import type { TrafficHistory } from '../traffic-history.ts';

/** What the status page shows, as the process that serves it knows it. */
export interface StatusSource {
  process(): ProcessView;
  /** Milliseconds since the epoch. */
  now(): number;
  /** With their status. */
  pools(): readonly LoadBalancerPool[];
  /** All of a pool, also those that its status has no room for. */
  endpoints(pool: LoadBalancerPool): readonly EndpointRow[];
  proxies(): readonly ProxyRow[];
  proxiesOf(pool: LoadBalancerPool): readonly PoolProxyRow[];
  faults(): readonly string[];
  readonly traffic: TrafficHistory;
}
