import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { PoolAddress, PoolStatus, RedundancyStatus } from '../api/pool.gen.ts';
import { POOL_API_VERSION, POOL_KIND, type LoadBalancerPool } from '../api/pool.ts';
import type { Problem } from '../api/problem.ts';
import { portsOf, type ServicePort } from '../api/service-ports.ts';
import type { PoolSnapshot } from '../api/snapshot.ts';
import type { PoolTraffic } from '../api/traffic.ts';
import type { Clock, Rng } from '../lib/clock.ts';
import { coalesce, type Coalesced } from '../lib/coalesce.ts';
import { compileSnapshot } from './compile/snapshot.ts';
import { DirtyPools } from './dirty-pools.ts';
import type { KubeClient } from './kube/client.ts';
import { EventRecorder } from './kube/events.ts';
import { POOLS } from './kube/objects.ts';
import { patchStatus } from './kube/patch-status.ts';
import type { ControllerMetrics } from './observe/metrics.ts';
import { Fleet, SEEN_FOR_MS } from './push/fleet.ts';
import { FleetTraffic } from './report/fleet-traffic.ts';
import { HealthReports, type PoolReports } from './report/health-reports.ts';
import type { DeniedAddresses } from './resolve/denied-addresses.ts';
import type { ClassPolicy } from './resolve/class-policy.ts';
import { createSettler, type Settled } from './resolve/conflicts.ts';
import { resolvePool, type Resolution } from './resolve/resolve-pool.ts';
import { NO_CREDENTIALS } from './resolve/tls.ts';
import type { World } from './resolve/world.ts';
import { computeStatus } from './status/compute-status.ts';
import type { ProxyInput } from './status/input.ts';
import { proxyInputs } from './status/proxy-inputs.ts';
import { conditionChanges } from './status/write-decision.ts';
import { StatusWriter, type ComputedStatus, type StatusLimits } from './status/writer.ts';
import { ClusterState, type ClusterStateOptions } from './watch/cluster-state.ts';
import { ReadyPods } from './watch/ready-pods.ts';
import { keyOf, namespaceOf } from './watch/store.ts';
import type { StoredPool } from './watch/trim.ts';

export interface LoopOptions extends Pick<ClusterStateOptions, 'client' | 'className' | 'timing'> {
  readonly client: KubeClient;
  /** Of this process, for people. */
  readonly identity: string;
  readonly denied: DeniedAddresses;
  /** Absent: every namespace may use every port and host name. */
  readonly policy?: ClassPolicy;
  /** Asked before every write. */
  readonly leading: () => boolean;
  /** A proxy has heard of a leader with a higher epoch. */
  readonly challenged: () => void;
  readonly metrics: ControllerMetrics;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly statusLimits?: Partial<StatusLimits>;
  /** Label selector of the proxies' pods, and where they are; absent: whoever has a stream is expected. */
  readonly proxyPods?: { readonly namespace: string; readonly labelSelector: string };
  /** What the keys of TLS session tickets are derived from; undefined: not known yet. */
  readonly ticketSecret?: () => string | undefined;
  /** The Service that clients come in by; absent: no business of ours. */
  readonly frontend?: {
    readonly addresses: readonly PoolAddress[];
    setPorts(ports: readonly ServicePort[]): void;
  };
  /** How the proxies share the work. */
  readonly redundancy: () => RedundancyStatus;
}

/** A pool for whoever looks: with its status, what proxies should have of it, and what they say of its endpoints. */
export interface KnownPool {
  readonly pool: LoadBalancerPool;
  readonly snapshot?: PoolSnapshot;
  readonly reports: PoolReports;
}

/** What is remembered of a pool from one round to the next. */
interface Entry {
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
/** How long the first status of a generation waits for the proxies' answers. */
const SETTLE_MS = 2_000;
/** How long status waits to say that some proxies have a change, when soon all of them may. */
const PARTLY_MS = 500;
/** How long a new leader waits to know as much as the one before did. */
const CATCH_UP_MS = 5_000;

/**
 * The reconcile loop. One of four things happens:
 *
 * 1. An object changes: the pools that it matters to are dirty, and soon resolved, compiled and published.
 * 2. A proxy acknowledges, refuses, comes, goes or reports health: the status of its pools is due.
 * 3. This controller begins to lead: everything is pushed to every proxy, and every status is due.
 * 4. It leads no longer: it goes on watching, compiling and listening, and says nothing.
 */
export class ControlLoop {
  readonly fleet: Fleet;
  readonly #options: LoopOptions;
  readonly #state: ClusterState;
  readonly #proxyPods: ReadyPods | undefined;
  readonly #reports = new HealthReports();
  readonly #traffic = new FleetTraffic();
  readonly #writer: StatusWriter;
  readonly #events: EventRecorder;
  readonly #round: Coalesced;
  /** By `namespace/name`. */
  readonly #entries = new Map<string, Entry>();
  readonly #settle: ReturnType<typeof createSettler>;
  readonly #keyOf = new Map<string, string>();
  readonly #dirty = new DirtyPools();
  /** Statuses as last written, until the watch has them too. */
  readonly #written = new Map<string, { status: PoolStatus; resourceVersion: string }>();
  readonly #settling = new Set<string>();
  #started = false;
  #closed = false;
  #lookAgainAt = 0;
  #leadAttempt = 0;

  constructor(options: LoopOptions) {
    this.#options = options;
    this.#settle = createSettler(options.policy);
    const { client, className, clock, rng, log, metrics, identity } = options;
    this.#state = new ClusterState({
      client,
      className,
      clock,
      rng,
      log,
      ...(options.timing === undefined ? {} : { timing: options.timing }),
      observe: {
        listed: (path) => metrics.lists.inc({ kind: kindOf(path) }),
        restarted: (path, why) => metrics.watchRestarts.inc({ kind: kindOf(path), why }),
      },
      onDirty: (pool) => this.#markDirty(pool),
    });
    this.fleet = new Fleet({
      controller: identity,
      clock,
      rng,
      log,
      events: {
        pushed: (bytes) => {
          metrics.pushes.inc();
          metrics.pushedBytes.inc(bytes);
        },
        nacked: () => metrics.nacks.inc(),
        applied: (_, tookMs) => metrics.propagation.observe(tookMs / 1_000),
        health: (proxy, health) => {
          this.#reports.ingest(proxy, health);
          this.#writer.request(health.uid);
        },
        traffic: (proxy, traffic) => this.#traffic.ingest(proxy, traffic),
        forgetHealth: (proxy) => this.#reports.forgetProxy(proxy),
        spreading: (uid) => this.#requestAt(uid, clock.now() + PARTLY_MS),
        changed: (uid) => this.#statusDue(uid),
        deposed: (epoch) => {
          log.warn({ epoch }, 'a proxy knows a leader with a higher epoch');
          options.challenged();
        },
      },
    });
    if (options.proxyPods !== undefined) {
      const onChange = (): void => this.#statusDue();
      this.#proxyPods = new ReadyPods({ client, ...options.proxyPods, onChange, clock, rng, log });
    }
    this.#events = new EventRecorder(client, clock, log, identity);
    this.#writer = new StatusWriter({
      compute: (uid) => this.#status(uid),
      write: (uid, status) => this.#write(uid, status),
      written: (uid, before, status) => this.#announce(uid, before, status),
      leading: options.leading,
      tenantOf: (uid) => namespaceOf(this.#keyOf.get(uid) ?? ''),
      clock,
      rng,
      log,
      ...(options.statusLimits === undefined ? {} : { limits: options.statusLimits }),
    });
    this.#round = coalesce({
      run: () => this.#reconcileAll(),
      holdMs: HOLD_MS,
      retryMs: 1_000,
      onError: (error) => log.error({ err: error }, 'reconcile round failed'),
      clock,
    });
  }

  /** Resolves when the whole cluster has been listed and every pool compiled: from then on it may lead. */
  async start(): Promise<void> {
    await Promise.all([this.#state.start(), this.#proxyPods?.start()]);
    await this.#reconcileAll();
    this.#started = true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#state.stop(), this.#proxyPods?.stop()]);
    await this.#round.close();
    await this.#writer.close();
    this.#events.close();
    for (const { cancelExpiry } of this.#entries.values()) cancelExpiry?.();
  }

  /** Pushes and writes from now on, once it knows all that the proxies have acknowledged. */
  lead(epoch: number): void {
    const { clock, log, metrics } = this.#options;
    this.#leadAttempt += 1;
    const attempt = this.#leadAttempt;
    const deadline = clock.now() + CATCH_UP_MS;
    metrics.epoch.set(epoch);
    const begin = (): void => {
      if (attempt !== this.#leadAttempt) return;
      const caughtUp = this.fleet.views().every(({ newest }) => this.#state.hasSeen(newest));
      if (!caughtUp && clock.now() < deadline) {
        clock.after(50, begin);
        return;
      }
      if (!caughtUp)
        log.warn('a proxy has seen changes that the API server does not show: leading all the same');
      metrics.leading.set(1);
      this.fleet.lead(epoch);
      this.#statusDue();
    };
    begin();
  }

  /** Every pool as it is known now, for whoever looks. */
  known(): readonly KnownPool[] {
    return [...this.#keyOf.keys()].flatMap((uid) => this.knownPool(uid) ?? []);
  }

  knownPool(uid: string): KnownPool | undefined {
    const found = this.#find(uid);
    if (found === undefined) return undefined;
    const status = this.#statusOf(found.pool);
    const { snapshot } = found.entry;
    return {
      pool: status === undefined ? found.pool : { ...found.pool, status },
      ...(snapshot === undefined ? {} : { snapshot }),
      reports: this.#reports.pool(uid),
    };
  }

  /** How the proxies that should serve a pool stand to it. */
  proxiesOf(uid: string): readonly ProxyInput[] {
    const pods = this.#proxyPods;
    const views = this.fleet
      .views()
      .filter(({ name, connected }) => connected || !(pods?.isGone(name) ?? false));
    return proxyInputs(uid, this.fleet.published(uid), views, pods?.names() ?? [], this.#options.clock.now());
  }

  /** Brings those metrics up to date that nothing else does. */
  measure(): void {
    const { objects } = this.#options.metrics;
    for (const [kind, count] of this.#state.counts()) objects.set({ kind }, count);
  }

  /** What pools carry over all proxies. */
  traffic(): readonly PoolTraffic[] {
    const proxies = this.fleet.views().map(({ name }) => name);
    return this.#traffic.totals([...this.#entries.keys()], proxies);
  }

  /** The Service has other addresses. */
  addressesChanged(): void {
    this.#statusDue();
  }

  /** Another proxy is the active one. */
  redundancyChanged(): void {
    const { metrics, redundancy } = this.#options;
    const { mode = 'ActiveActive', activeProxy, lastFailoverTime } = redundancy();
    metrics.activeProxy.reset();
    if (activeProxy !== undefined) metrics.activeProxy.set({ mode, proxy: activeProxy }, 1);
    if (lastFailoverTime !== undefined) metrics.lastFailover.set(Date.parse(lastFailoverTime) / 1_000);
    this.#statusDue();
  }

  /** `ticketSecret` answers something else. */
  ticketSecretChanged(): void {
    for (const pool of this.#state.pools.values()) {
      if (pool.spec.listeners.some(({ tls }) => tls?.mode === 'Terminate')) this.#markDirty(keyOf(pool));
    }
  }

  follow(): void {
    this.#leadAttempt += 1;
    this.#options.metrics.leading.set(0);
    this.fleet.follow();
  }

  #markDirty(key: string): void {
    this.#dirty.add(key, this.#options.clock.now());
    if (this.#started) this.#round.request();
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
    const { metrics, log } = this.#options;
    metrics.dirtyPools.set(dirty.size + this.#dirty.size);
    for (const key of dirty.keys()) {
      try {
        this.#resolve(key);
      } catch (error) {
        log.error({ pool: key, err: error }, 'cannot resolve a pool');
      }
    }
    this.#publish(dirty);
    metrics.dirtyPools.set(this.#dirty.size);
    metrics.pools.set(this.#entries.size);
  }

  #resolve(key: string): void {
    const { clock, metrics, log } = this.#options;
    const pool = this.#state.pools.get(key);
    const known = this.#entries.get(key);
    const before = known?.uid === pool?.metadata.uid ? known : undefined;
    if (known !== undefined && before === undefined) this.#forget(key, known);
    if (pool === undefined) return;
    // What it refers to is being listed: it is dirty again when that is known.
    if (!this.#state.credentials.knows(key)) return;
    const { uid, generation } = pool.metadata;
    before?.cancelExpiry?.();
    const endTimer = metrics.compile.startTimer();
    const resolution = resolve(pool, this.#world(), before?.resolution, log);
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

  /** Settles what pools want of each other's ports, and publishes what is different. */
  #publish(dirty: ReadonlyMap<string, number>): void {
    const contenders = [...this.#entries.values()].flatMap(({ resolution: { intent, served } }) =>
      intent === undefined || served === undefined ? [] : [{ intent, served }],
    );
    const settlement = this.#settle(contenders);
    const changed: { key: string; entry: Entry }[] = [];
    for (const [key, entry] of this.#entries) {
      const settled = settlement.get(entry.uid);
      if (dirty.has(key) || !sameSettled(settled, entry.settled)) {
        changed.push({ key, entry: { ...entry, settled } });
      }
    }
    // Who loses a port lets go of it before another gets it.
    const losers = changed.filter(({ entry: { settled } }) => (settled?.problems.length ?? 0) > 0);
    for (const each of new Set([...losers, ...changed])) {
      const since = dirty.get(each.key) ?? Math.min(...dirty.values());
      this.#publishPool(each.key, each.entry, since);
    }
    this.#options.frontend?.setPorts(
      portsOf([...this.#entries.values()].flatMap(({ snapshot }) => snapshot?.config.listeners ?? [])),
    );
  }

  #publishPool(key: string, entry: Entry, since: number): void {
    const { uid, resolution, settled } = entry;
    const { intent } = resolution;
    this.#writer.request(uid);
    if (intent === undefined) {
      this.#entries.set(key, entry);
      this.fleet.keep(uid); // the last good one goes on
      return;
    }
    const config = settled?.config;
    const snapshot = config === undefined ? undefined : compileSnapshot(intent, config, entry.snapshot);
    this.#entries.set(key, { ...entry, snapshot });
    if (snapshot === undefined) this.fleet.remove(uid);
    else this.fleet.publish(snapshot, this.#state.newest(), since);
  }

  #forget(key: string, { uid, cancelExpiry }: Entry): void {
    cancelExpiry?.();
    this.#entries.delete(key);
    this.#keyOf.delete(uid);
    this.#written.delete(uid);
    this.fleet.remove(uid);
    this.#reports.remove(uid);
    this.#writer.forget(uid);
  }

  #world(): World {
    const state = this.#state;
    const ticketSecret = this.#options.ticketSecret?.();
    return {
      service: (namespace, name) => state.service(namespace, name),
      endpointSlices: (namespace, service) => state.endpointSlices(namespace, service),
      podAnnotation: (namespace, pod, annotation) => state.podAnnotation(namespace, pod, annotation),
      secret: (namespace, name) => state.credentials.secret(namespace, name),
      configMap: (namespace, name) => state.credentials.configMap(namespace, name),
      ...(ticketSecret === undefined ? {} : { ticketSecret }),
      denied: this.#options.denied,
      now: this.#options.clock.wall(),
    };
  }

  #resolveAgain(key: string, at: number | undefined): (() => void) | undefined {
    if (at === undefined) return undefined;
    const { clock } = this.#options;
    const waitMs = Math.min(Math.max(at - clock.wall(), 0), 24 * 3_600_000);
    return clock.after(waitMs, () => this.#markDirty(key));
  }

  // ---- status ---------------------------------------------------------------------------------

  #statusDue(uid?: string): void {
    const { metrics, clock } = this.#options;
    metrics.connectedProxies.set(this.fleet.connected);
    if (uid !== undefined) {
      this.#writer.request(uid);
      return;
    }
    for (const each of this.#keyOf.keys()) this.#writer.request(each);
    this.#lookAgain(clock.now() + SEEN_FOR_MS + 1_000);
  }

  /** Every status is due then; what is asked for meanwhile comes after that. */
  #lookAgain(at: number): void {
    this.#lookAgainAt = at;
    if (this.#settling.has('')) return;
    this.#settling.add('');
    const { clock } = this.#options;
    clock.after(at - clock.now(), () => {
      this.#settling.delete('');
      for (const each of this.#keyOf.keys()) this.#writer.request(each);
      if (this.#lookAgainAt > at) this.#lookAgain(this.#lookAgainAt);
    });
  }

  #status(uid: string): ComputedStatus | undefined {
    const { clock } = this.#options;
    const found = this.#find(uid);
    if (found === undefined) return undefined;
    const { pool, entry } = found;
    const before = this.#statusOf(pool);
    const proxies = this.proxiesOf(uid);
    const { snapshot, resolution } = entry;
    const status = computeStatus({
      generation: pool.metadata.generation,
      paused: pool.spec.paused,
      problems: [...resolution.problems, ...(entry.settled?.problems ?? [])],
      servesThisSpec: entry.servesThisSpec,
      ...(snapshot === undefined ? {} : { snapshot }),
      staleOverrides: resolution.staleOverrides,
      proxies,
      reports: this.#reports.pool(uid),
      addresses: snapshot === undefined ? [] : (this.#options.frontend?.addresses ?? []),
      redundancy: this.#options.redundancy(),
      ...(before === undefined ? {} : { previous: before }),
      now: clock.wall(),
    });
    const isNews = before?.observedGeneration !== pool.metadata.generation;
    const answered = proxies.every(
      ({ connected, applied, refused }) =>
        !connected || applied === snapshot?.digest || refused?.digest === snapshot?.digest,
    );
    const settledAt = entry.generationSince + SETTLE_MS;
    if (isNews && snapshot !== undefined && !answered && clock.now() < settledAt) {
      this.#requestAt(uid, settledAt);
      return undefined;
    }
    return { status, before };
  }

  /** Once, whatever else asks for it earlier. */
  #requestAt(uid: string, at: number): void {
    if (this.#settling.has(uid)) return;
    this.#settling.add(uid);
    const { clock } = this.#options;
    clock.after(at - clock.now(), () => {
      this.#settling.delete(uid);
      this.#writer.request(uid);
    });
  }

  async #write(uid: string, status: PoolStatus): Promise<boolean> {
    const { client, leading, metrics } = this.#options;
    const found = this.#find(uid);
    if (found === undefined) return false;
    const { namespace, name } = found.pool.metadata;
    const target = {
      resource: POOLS,
      apiVersion: POOL_API_VERSION,
      kind: POOL_KIND,
      namespace,
      name,
      uid,
      resourceVersion: newer(found.pool.resourceVersion, this.#written.get(uid)?.resourceVersion),
    };
    try {
      const resourceVersion = await patchStatus(client, target, status, leading);
      if (resourceVersion === undefined) return false;
      metrics.statusWrites.inc();
      if (this.#keyOf.has(uid)) this.#written.set(uid, { status, resourceVersion });
      return true;
    } catch (error) {
      metrics.statusFailures.inc();
      throw error;
    }
  }

  #announce(uid: string, before: PoolStatus | undefined, status: PoolStatus): void {
    const found = this.#find(uid);
    if (found === undefined) return;
    const { namespace, name } = found.pool.metadata;
    const subject = { apiVersion: POOL_API_VERSION, kind: POOL_KIND, namespace, name, uid };
    for (const change of conditionChanges(before, status)) void this.#events.record(subject, change);
  }

  /** As the API server has it: what we wrote last, until the watch shows something newer. */
  #statusOf(pool: StoredPool): PoolStatus | undefined {
    const written = this.#written.get(pool.metadata.uid);
    if (written === undefined) return pool.status;
    if (BigInt(pool.resourceVersion) > BigInt(written.resourceVersion)) {
      this.#written.delete(pool.metadata.uid);
      return pool.status;
    }
    return written.status;
  }

  #find(uid: string): { pool: StoredPool; entry: Entry } | undefined {
    const key = this.#keyOf.get(uid);
    if (key === undefined) return undefined;
    const pool = this.#state.pools.get(key);
    const entry = this.#entries.get(key);
    if (pool?.metadata.uid !== uid || entry === undefined) return undefined;
    return { pool, entry };
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

/** Others come and go without a pool noticing, unless it loses or gets something by it. */
function sameSettled(a: Settled | undefined, b: Settled | undefined): boolean {
  if (a === b) return true;
  if (a?.config !== b?.config) return false;
  return JSON.stringify(a?.problems) === JSON.stringify(b?.problems);
}

function newer(a: string, b: string | undefined): string {
  return b !== undefined && BigInt(b) > BigInt(a) ? b : a;
}

/** The last part of a collection's path. */
function kindOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
