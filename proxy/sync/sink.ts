import type { EndpointReport } from '../../api/health.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import type { PoolTraffic } from '../../api/traffic.ts';

/** Why a snapshot was not applied. */
export interface ApplyFault {
  /** Such as `spec.listeners[1].port`; empty: the pool as a whole. */
  readonly path: string;
  readonly message: string;
}

export type ApplyOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly errors: readonly ApplyFault[] };

export interface SnapshotChange {
  readonly upsert: readonly PoolSnapshot[];
  /** Uids. */
  readonly remove: readonly string[];
}

/** What serves: the control stream brings pools to it, and tells controllers what it says of endpoints. */
export interface SnapshotSink {
  /**
   * Resolves when the change takes traffic on every worker, with an outcome for each upserted pool by its uid. A pool
   * that is refused keeps what was applied before; the others of the change are applied. Never called concurrently.
   */
  apply(change: SnapshotChange): Promise<ReadonlyMap<string, ApplyOutcome>>;
  /** Everything that is to be served now, be it nothing, has been applied. Called once. */
  complete(): void;
  /** Of one pool, by its uid. */
  reports(uid: string): readonly EndpointReport[];
  /** What each pool has carried. */
  traffic(): Promise<readonly PoolTraffic[]>;
  /** Calls back after any change of any verdict; returns how to end that. */
  onChange(listener: () => void): () => void;
}
