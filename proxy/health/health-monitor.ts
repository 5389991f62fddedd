import type { EndpointReport, Verdict } from '../../api/health.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import type { PassiveEvent } from './passive-reporter.ts';

/**
 * Where a pool lives in the shared table, by backend name. `endpoints` is parallel to the snapshot's list. A slot
 * belongs to one identity (pool uid, backend, target uid, address, port) for as long as snapshots name that.
 */
export type PoolSlots = Readonly<
  Record<string, { readonly upstream: number; readonly endpoints: readonly number[] }>
>;

/** An endpoint's state changed, or it was judged for the first time. */
export interface Transition {
  readonly poolUid: string;
  readonly pool: { readonly namespace: string; readonly name: string };
  readonly report: EndpointReport;
  readonly previous: Verdict;
  readonly slot: number;
}

/**
 * The health of every endpoint of a proxy, on its main thread: probes, what the workers report, the resource's
 * conditions and a person's overrides become one verdict each. The verdict's flags are written into the shared
 * table, and the upstream's epoch rises once for each change.
 */
export interface HealthMonitor {
  /**
   * Takes a pool's next snapshot. Call it **before** the workers apply that snapshot, so that a new endpoint's flags
   * are there when they first look, and after the slots were handed out (`SharedTable.resetEndpoint`). What is known
   * about an endpoint outlives every snapshot that still has it.
   */
  update(pool: PoolSnapshot, slots: PoolSlots): void;

  /** Forgets a pool: its probes stop, its endpoints' flags are cleared. */
  remove(poolUid: string): void;

  /** What a worker met. Events about an endpoint that is gone are ignored. */
  observe(event: PassiveEvent): void;

  /** One report an endpoint, in snapshot order; empty for a pool that is not known. */
  reports(poolUid: string): EndpointReport[];

  /**
   * Resolves when every check that is configured now has had its first answer (or timeout); at once when there is
   * none. For /readyz, after the first snapshot.
   */
  firstRound(): Promise<void>;

  /**
   * Drains an endpoint by command, until `undrain`, or until it leaves the snapshot. `address` in canonical text
   * form. False when the pool has no such endpoint.
   */
  drain(poolUid: string, address: string, port: number): boolean;
  undrain(poolUid: string, address: string, port: number): boolean;

  /**
   * Monotonic milliseconds (`Clock.now`) at which the endpoint in this slot last began to take traffic: slow start
   * counts from here. Undefined while it takes none.
   */
  eligibleSince(slot: number): number | undefined;

  /** Stops every probe and timer, for good. Flags stay as they are. Idempotent. */
  close(): void;
}
