import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Problem } from '../api/problem.ts';
import type { PoolSnapshot } from '../api/snapshot.ts';
import type { Clock } from '../lib/clock.ts';
import { coalesce, type Coalesced } from '../lib/coalesce.ts';
import { compileSnapshot } from './compile/snapshot.ts';
import { DirtyPools } from './dirty-pools.ts';
import type { ControllerMetrics } from './observe/metrics.ts';
import type { Fleet } from './push/fleet.ts';
import { publishOrder } from './push/publish-order.ts';
import type { ClassPolicy } from './resolve/class-policy.ts';
import { createSettler, type Settled } from './resolve/conflicts.ts';
import { resolvePool, type Resolution } from './resolve/resolve-pool.ts';
import { NO_CREDENTIALS } from './resolve/tls.ts';
import type { World } from './resolve/world.ts';
import type { ClusterState } from './watch/cluster-state.ts';
import type { StoredPool } from './watch/trim.ts';

export interface ReconcilerOptions {
  readonly state: ClusterState;
  /** What pools are looked up in now. */
  readonly world: () => World;
  /** Absent: every namespace may use every port and host name. */
  readonly policy?: ClassPolicy;
  readonly fleet: Fleet;
  readonly events: ReconcilerEvents;
  readonly metrics: ControllerMetrics;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ReconcilerEvents {
  /** A pool was resolved, or lost or got something by what became of others. */
  reconciled(uid: string): void;
  /** The pool is gone. */
  forgotten(uid: string): void;
  /** A round is over, and this is what proxies should have. */
  ended(snapshots: readonly PoolSnapshot[]): void;
}

/** What is remembered of a pool from one round to the next. */
export interface Entry {
  readonly uid: string;
  readonly resolution: Resolution;
  /** Whether it is made of the pool's present spec. */
  readonly servesThisSpec: boolean;
  /** What other pools have left of it; absent: not settled yet, or nothing to settle. */
  readonly settled: Settled | undefined;
  readonly snapshot: PoolSnapshot | undefined;
  readonly generation: number;
  /** When the generation of `resolution` was first seen; monotonic milliseconds. */
  readonly generationSince: number;
  readonly cancelExpiry: (() => void) | undefined;
}

/** From an event to the round that handles it: time for more of them. */
const HOLD_MS = 10;
/** Pools that are resolved and published in one go. */
const PART = 256;
/** The longest wait for what time alone changes: a timer holds 24 days, and a clock may be set meanwhile. */
const MAX_WAIT_MS = 24 * 3_600_000;

/** Makes of the cluster's pools what proxies should have: those that are dirty are resolved, settled, compiled and published. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #round: Coalesced;
  readonly #dirty = new DirtyPools();
  /** By `namespace/name`. */
  readonly #entries = new Map<string, Entry>();
  readonly #keyOf = new Map<string, string>();
  readonly #settle: ReturnType<typeof createSettler>;
  #started = false;
  #closed = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#settle = createSettler(options.policy);
    const { clock, log } = options;
    this.#round = coalesce({
      run: () => this.#reconcileAll(),
      holdMs: HOLD_MS,
      retryMs: 1_000,
      onError: (error) => log.error({ err: error }, 'reconcile round failed'),
      clock,
    });
  }

  /** Resolves when every pool that is dirty has been through a round: before that none begins by itself. */
  async start(): Promise<void> {
    await this.#reconcileAll();
    this.#started = true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#round.close();
    for (const { cancelExpiry } of this.#entries.values()) cancelExpiry?.();
  }

  markDirty(key: string): void {
    this.#dirty.add(key, this.#options.clock.now());
    if (this.#started) this.#round.request();
  }

  /** Of every pool that is known. */
  uids(): readonly string[] {
    return [...this.#keyOf.keys()];
  }

  /** `namespace/name` of every pool that is known. */
  keys(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** `namespace/name` */
  keyOf(uid: string): string | undefined {
    return this.#keyOf.get(uid);
  }

  find(uid: string): { pool: StoredPool; entry: Entry } | undefined {
    const key = this.#keyOf.get(uid);
    if (key === undefined) return undefined;
    const pool = this.#options.state.pools.get(key);
    const entry = this.#entries.get(key);
    if (pool?.metadata.uid !== uid || entry === undefined) return undefined;
    return { pool, entry };
  }

  /**
   * Until nothing is dirty. A backlog is worked off in parts, with answers, events and what they make dirty in
   * between: whoever has thousands of pools changed delays another's by one part.
   */
  async #reconcileAll(): Promise<void> {
    for (;;) {
      this.#reconcile(this.#dirty.take(PART));
      if (this.#dirty.size === 0 || this.#closed) return;
      await setImmediate();
    }
  }

  /** @param dirty with the time since when each is */
  #reconcile(dirty: ReadonlyMap<string, number>): void {
    const { metrics, log, events } = this.#options;
    metrics.dirtyPools.set(dirty.size + this.#dirty.size);
    for (const key of dirty.keys()) {
      try {
        this.#resolve(key);
      } catch (error) {
        log.error({ pool: key, err: error }, 'cannot resolve a pool');
      }
    }
    this.#publish(dirty);
    events.ended([...this.#entries.values()].flatMap(({ snapshot }) => snapshot ?? []));
    metrics.dirtyPools.set(this.#dirty.size);
    metrics.pools.set(this.#entries.size);
  }

  #resolve(key: string): void {
    const { state, world, clock, metrics, log } = this.#options;
    const pool = state.pools.get(key);
    const known = this.#entries.get(key);
    const before = known?.uid === pool?.metadata.uid ? known : undefined;
    if (known !== undefined && before === undefined) this.#forget(key, known);
    if (pool === undefined) return;
    // What it refers to is being listed: it is dirty again when that is known.
    if (!state.credentials.knows(key)) return;
    const { uid, generation } = pool.metadata;
    before?.cancelExpiry?.();
    const endTimer = metrics.compile.startTimer();
    const resolution = resolve(pool, world(), before?.resolution, log);
    endTimer();
    this.#entries.set(key, {
      uid,
      resolution,
      servesThisSpec: resolution.served === pool.spec,
      settled: before?.settled,
      snapshot: before?.snapshot,
      generation,
      generationSince: before?.generation === generation ? before.generationSince : clock.now(),
      cancelExpiry: this.#resolveAgain(key, resolution.nextExpiry),
    });
    this.#keyOf.set(uid, key);
  }

  #resolveAgain(key: string, at: number | undefined): (() => void) | undefined {
    if (at === undefined) return undefined;
    const { clock } = this.#options;
    const waitMs = Math.min(Math.max(at - clock.wall(), 0), MAX_WAIT_MS);
    return clock.after(waitMs, () => this.markDirty(key));
  }

  /** Settles what pools want of each other's ports, and publishes what is different. */
  #publish(dirty: ReadonlyMap<string, number>): void {
    const contenders = [...this.#entries.values()].flatMap(({ resolution: { intent, served } }) =>
      intent === undefined || served === undefined ? [] : [{ intent, served }],
    );
    const settlement = this.#settle(contenders);
    for (const key of publishOrder(this.#entries, settlement, dirty)) {
      const entry = this.#entries.get(key)!;
      const since = dirty.get(key) ?? Math.min(...dirty.values());
      this.#publishPool(key, { ...entry, settled: settlement.get(entry.uid) }, since);
    }
  }

  #publishPool(key: string, entry: Entry, since: number): void {
    const { fleet, state, events } = this.#options;
    const { uid, resolution, settled } = entry;
    const { intent } = resolution;
    events.reconciled(uid);
    if (intent === undefined) {
      this.#entries.set(key, entry);
      fleet.keep(uid); // the last good one goes on
      return;
    }
    const config = settled?.config;
    const snapshot = config === undefined ? undefined : compileSnapshot(intent, config, entry.snapshot);
    this.#entries.set(key, { ...entry, snapshot });
    if (snapshot === undefined) fleet.remove(uid);
    else fleet.publish(snapshot, state.newest(), since);
  }

  #forget(key: string, { uid, cancelExpiry }: Entry): void {
    cancelExpiry?.();
    this.#entries.delete(key);
    this.#keyOf.delete(uid);
    this.#options.fleet.remove(uid);
    this.#options.events.forgotten(uid);
  }
}

/** A bug in resolution is that pool's problem, not everybody's: what it resolved to before goes on. */
function resolve(pool: StoredPool, world: World, before: Resolution | undefined, log: Logger): Resolution {
  try {
    return resolvePool(pool, world, before);
  } catch (error) {
    log.error({ pool: pool.metadata.name, namespace: pool.metadata.namespace, err: error }, 'cannot resolve');
    const message = 'this spec cannot be resolved: see the log of the controller';
    const problem: Problem = { condition: 'Accepted', reason: 'Invalid', path: 'spec', message };
    return { staleOverrides: [], credentials: NO_CREDENTIALS, ...before, problems: [problem] };
  }
}
