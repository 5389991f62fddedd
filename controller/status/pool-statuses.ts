import type { Logger } from 'pino';
import type { PoolAddress, PoolStatus, RedundancyStatus } from '../../api/pool.gen.ts';
import { POOL_API_VERSION, POOL_KIND } from '../../api/pool.ts';
import type { Clock, Rng } from '../../lib/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { EventRecorder } from '../kube/events.ts';
import { POOLS } from '../kube/objects.ts';
import { patchStatus } from '../kube/patch-status.ts';
import type { ControllerMetrics } from '../observe/metrics.ts';
import type { Entry, Reconciler } from '../reconciler.ts';
import type { PoolReports } from '../report/health-reports.ts';
import { namespaceOf } from '../watch/store.ts';
import type { StoredPool } from '../watch/trim.ts';
import { computeStatus } from './compute-status.ts';
import { firstStatusWaitsUntil } from './first-status.ts';
import type { ProxyInput } from './input.ts';
import { conditionChanges } from './write-decision.ts';
import { StatusWriter, type ComputedStatus, type StatusLimits } from './writer.ts';
import { WrittenStatuses } from './written-statuses.ts';

export interface PoolStatusesOptions {
  readonly client: KubeClient;
  /** Of this process, for people. */
  readonly identity: string;
  readonly pools: Pick<Reconciler, 'find' | 'keyOf' | 'uids'>;
  /** How the proxies that should serve a pool stand to it. */
  readonly proxiesOf: (uid: string) => readonly ProxyInput[];
  readonly reportsOf: (uid: string) => PoolReports;
  /** Where clients come in. */
  readonly addresses: () => readonly PoolAddress[];
  readonly redundancy: () => RedundancyStatus;
  /** Asked before every write. */
  readonly leading: () => boolean;
  readonly limits?: Partial<StatusLimits>;
  readonly metrics: ControllerMetrics;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
}

/** The status of every pool, as it is and as it ought to be: works it out when it is due, has it written, and tells what turned. */
export class PoolStatuses {
  readonly #options: PoolStatusesOptions;
  readonly #writer: StatusWriter;
  readonly #events: EventRecorder;
  readonly #written = new WrittenStatuses();
  /** Pools that will be asked for by the clock. */
  readonly #waiting = new Set<string>();
  #isWaitingForAll = false;
  #allAt = 0;

  constructor(options: PoolStatusesOptions) {
    this.#options = options;
    const { client, identity, pools, leading, limits, clock, rng, log } = options;
    this.#events = new EventRecorder(client, clock, log, identity);
    this.#writer = new StatusWriter({
      compute: (uid) => this.#compute(uid),
      write: (uid, status) => this.#write(uid, status),
      written: (uid, before, status) => this.#announce(uid, before, status),
      leading,
      tenantOf: (uid) => namespaceOf(pools.keyOf(uid) ?? ''),
      clock,
      rng,
      log,
      ...(limits === undefined ? {} : { limits }),
    });
  }

  /** As the API server has it. */
  current(pool: StoredPool): PoolStatus | undefined {
    return this.#written.statusOf(pool);
  }

  /** The status of this pool is due. */
  request(uid: string): void {
    this.#writer.request(uid);
  }

  requestAll(): void {
    for (const uid of this.#options.pools.uids()) this.#writer.request(uid);
  }

  /** Once, whatever else asks for it earlier. @param at monotonic milliseconds */
  requestAt(uid: string, at: number): void {
    if (this.#waiting.has(uid)) return;
    this.#waiting.add(uid);
    const { clock } = this.#options;
    clock.after(at - clock.now(), () => {
      this.#waiting.delete(uid);
      this.#writer.request(uid);
    });
  }

  /** Every status is due then; what is asked for meanwhile comes after that. */
  requestAllAt(at: number): void {
    this.#allAt = at;
    if (this.#isWaitingForAll) return;
    this.#isWaitingForAll = true;
    const { clock } = this.#options;
    clock.after(at - clock.now(), () => {
      this.#isWaitingForAll = false;
      this.requestAll();
      if (this.#allAt > at) this.requestAllAt(this.#allAt);
    });
  }

  /** The pool is gone. */
  forget(uid: string): void {
    this.#written.forget(uid);
    this.#writer.forget(uid);
  }

  async close(): Promise<void> {
    await this.#writer.close();
    this.#events.close();
  }

  #compute(uid: string): ComputedStatus | undefined {
    const { pools, proxiesOf, clock } = this.#options;
    const found = pools.find(uid);
    if (found === undefined) return undefined;
    const { pool, entry } = found;
    const before = this.#written.statusOf(pool);
    const proxies = proxiesOf(uid);
    const seen = {
      generation: pool.metadata.generation,
      since: entry.generationSince,
      digest: entry.snapshot?.digest,
    };
    const waitsUntil = firstStatusWaitsUntil(seen, before, proxies, clock.now());
    if (waitsUntil !== undefined) {
      this.requestAt(uid, waitsUntil);
      return undefined;
    }
    return { status: this.#statusOf(pool, entry, proxies, before), before };
  }

  #statusOf(
    pool: StoredPool,
    { resolution, settled, servesThisSpec, snapshot }: Entry,
    proxies: readonly ProxyInput[],
    previous: PoolStatus | undefined,
  ): PoolStatus {
    const { reportsOf, addresses, redundancy, clock } = this.#options;
    return computeStatus({
      generation: pool.metadata.generation,
      paused: pool.spec.paused,
      problems: [...resolution.problems, ...(settled?.problems ?? [])],
      servesThisSpec,
      ...(snapshot === undefined ? {} : { snapshot }),
      staleOverrides: resolution.staleOverrides,
      proxies,
      reports: reportsOf(pool.metadata.uid),
      addresses: snapshot === undefined ? [] : addresses(),
      redundancy: redundancy(),
      ...(previous === undefined ? {} : { previous }),
      now: clock.wall(),
    });
  }

  async #write(uid: string, status: PoolStatus): Promise<boolean> {
    const { client, pools, leading, metrics } = this.#options;
    const pool = pools.find(uid)?.pool;
    if (pool === undefined) return false;
    const target = { ...subjectOf(pool), resource: POOLS, resourceVersion: this.#written.versionOf(pool) };
    try {
      const resourceVersion = await patchStatus(client, target, status, leading);
      if (resourceVersion === undefined) return false;
      metrics.statusWrites.inc();
      if (pools.keyOf(uid) !== undefined) this.#written.record(uid, { status, resourceVersion });
      return true;
    } catch (error) {
      metrics.statusFailures.inc();
      throw error;
    }
  }

  #announce(uid: string, before: PoolStatus | undefined, status: PoolStatus): void {
    const pool = this.#options.pools.find(uid)?.pool;
    if (pool === undefined) return;
    for (const change of conditionChanges(before, status)) void this.#events.record(subjectOf(pool), change);
  }
}

function subjectOf({ metadata: { namespace, name, uid } }: StoredPool) {
  return { apiVersion: POOL_API_VERSION, kind: POOL_KIND, namespace, name, uid };
}
