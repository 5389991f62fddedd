import type { LoadBalancerPool } from '../../api/pool.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import type { PoolTraffic } from '../../api/traffic.ts';

/** Where the reading commands get pools from: a standalone process, or a cluster. */
export interface PoolSource {
  /** Of a named object whose namespace nobody has said. */
  readonly defaultNamespace: string;
  /** What is looked at when nobody has said which namespaces; absent: all of them. */
  readonly namespace?: string;
  /** With their status. @param namespace absent: every namespace */
  pools(namespace?: string): Promise<LoadBalancerPool[]>;
  /** What the proxies of one class serve from. */
  serving(className: string): Promise<Serving>;
  /** What each pool has carried; undefined where that cannot be known. */
  traffic(): Promise<readonly PoolTraffic[] | undefined>;
  /** Takes an endpoint out, or with `undo` back in; what was done, for a person. */
  drain(target: DrainTarget): Promise<string>;
  close(): Promise<void>;
}

export interface Serving {
  readonly pools: readonly LoadBalancerPool[];
  readonly snapshots: readonly PoolSnapshot[];
  /** Where the snapshots may differ from what the proxies really have, for a person. */
  readonly doubts: readonly string[];
}

export interface DrainTarget {
  readonly namespace: string;
  readonly pool: string;
  /** Canonical. */
  readonly address: string;
  readonly port: number;
  readonly undo: boolean;
}
