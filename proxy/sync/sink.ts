import type { EndpointReport } from '../../api/health.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';

/** Why a snapshot was not applied. */
export interface ApplyFault {
  /** Such as `config.listeners[1].port`; empty: the pool as a whole. */
  readonly path: string;
  readonly message: string;
}

export type ApplyOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly errors: readonly ApplyFault[] };

/** What serves: the control stream brings pools to it. Called for one pool at a time, never concurrently. */
export interface SnapshotSink {
  /** Resolves when the snapshot takes traffic on every worker. Refused: what was applied before goes on. */
  apply(snapshot: PoolSnapshot): Promise<ApplyOutcome>;
  remove(uid: string): Promise<void>;
}

/** What is said about endpoints to every controller. */
export interface HealthSource {
  /** By pool uid. */
  reports(): ReadonlyMap<string, readonly EndpointReport[]>;
  /** Calls back after any change of any verdict; returns how to end that. */
  onChange(listener: () => void): () => void;
}
