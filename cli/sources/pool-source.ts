import type { LoadBalancerPool } from '../../api/pool.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import type { PoolTraffic } from '../../proxy/observe/pool-traffic.ts';

/** Where the reading commands get pools from: a standalone process, or a cluster. */
export interface PoolSource {
  /** With their status. */
  pools(): Promise<LoadBalancerPool[]>;
  /** What the proxies serve from. */
  snapshots(): Promise<PoolSnapshot[]>;
  /** What each pool has carried. */
  traffic(): Promise<PoolTraffic[]>;
  /** Takes an endpoint out, or with `undo` back in; what was done, for a person. */
  drain(target: DrainTarget): Promise<string>;
}

export interface DrainTarget {
  readonly namespace: string;
  readonly pool: string;
  readonly address: string;
  readonly port: number;
  readonly undo: boolean;
}
