import type { Logger } from 'pino';
import type { PoolAddress, RedundancyStatus } from '../api/pool.gen.ts';
import type { LoadBalancerPool } from '../api/pool.ts';
import { portsOf, type ServicePort } from '../api/service-ports.ts';
import type { PoolSnapshot } from '../api/snapshot.ts';
import type { PoolTraffic } from '../api/traffic.ts';
import type { Clock, Rng } from '../lib/clock.ts';
import type { KubeClient } from './kube/client.ts';
import type { ControllerMetrics } from './observe/metrics.ts';
import { Fleet, SEEN_FOR_MS } from './push/fleet.ts';
import { Reconciler } from './reconciler.ts';
import { FleetTraffic } from './report/fleet-traffic.ts';
import { HealthReports, type PoolReports } from './report/health-reports.ts';
import type { DeniedAddresses } from './resolve/denied-addresses.ts';
import type { ClassPolicy } from './resolve/class-policy.ts';
import type { ProxyInput } from './status/input.ts';
import { PoolStatuses } from './status/pool-statuses.ts';
import { proxyInputs } from './status/proxy-inputs.ts';
import type { StatusLimits } from './status/writer.ts';
import { ClusterState, type ClusterStateOptions } from './watch/cluster-state.ts';
import { clusterWorld } from './watch/cluster-world.ts';
import { ReadyPods } from './watch/ready-pods.ts';
import { keyOf } from './watch/store.ts';

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
  readonly #reconciler: Reconciler;
  readonly #statuses: PoolStatuses;
  #leadAttempt = 0;

  constructor(options: LoopOptions) {
    this.#options = options;
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
      onDirty: (pool) => this.#reconciler.markDirty(pool),
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
          this.#statuses.request(health.uid);
        },
        traffic: (proxy, traffic) => this.#traffic.ingest(proxy, traffic),
        forgetHealth: (proxy) => this.#reports.forgetProxy(proxy),
        spreading: (uid) => this.#statuses.requestAt(uid, clock.now() + PARTLY_MS),
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
    this.#reconciler = new Reconciler({
      state: this.#state,
      world: () =>
        clusterWorld(this.#state, {
          denied: options.denied,
          ticketSecret: options.ticketSecret?.(),
          now: clock.wall(),
        }),
      ...(options.policy === undefined ? {} : { policy: options.policy }),
      fleet: this.fleet,
      events: {
        reconciled: (uid) => this.#statuses.request(uid),
        forgotten: (uid) => {
          this.#reports.remove(uid);
          this.#statuses.forget(uid);
        },
        ended: (snapshots) =>
          options.frontend?.setPorts(portsOf(snapshots.flatMap(({ config }) => config.listeners))),
      },
      metrics,
      clock,
      log,
    });
    this.#statuses = new PoolStatuses({
      client,
      identity,
      pools: this.#reconciler,
      proxiesOf: (uid) => this.proxiesOf(uid),
      reportsOf: (uid) => this.#reports.pool(uid),
      addresses: () => options.frontend?.addresses ?? [],
      redundancy: options.redundancy,
      leading: options.leading,
      ...(options.statusLimits === undefined ? {} : { limits: options.statusLimits }),
      metrics,
      clock,
      rng,
      log,
    });
  }

  /** Resolves when the whole cluster has been listed and every pool compiled: from then on it may lead. */
  async start(): Promise<void> {
    await Promise.all([this.#state.start(), this.#proxyPods?.start()]);
    await this.#reconciler.start();
  }

  async close(): Promise<void> {
    await Promise.all([this.#state.stop(), this.#proxyPods?.stop(), this.#reconciler.close()]);
    await this.#statuses.close();
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
    return this.#reconciler.uids().flatMap((uid) => this.knownPool(uid) ?? []);
  }

  knownPool(uid: string): KnownPool | undefined {
    const found = this.#reconciler.find(uid);
    if (found === undefined) return undefined;
    const status = this.#statuses.current(found.pool);
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
    return this.#traffic.totals(this.#reconciler.keys(), proxies);
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
      if (pool.spec.listeners.some(({ tls }) => tls?.mode === 'Terminate'))
        this.#reconciler.markDirty(keyOf(pool));
    }
  }

  follow(): void {
    this.#leadAttempt += 1;
    this.#options.metrics.leading.set(0);
    this.fleet.follow();
  }

  /** @param uid absent: of every pool */
  #statusDue(uid?: string): void {
    const { metrics, clock } = this.#options;
    metrics.connectedProxies.set(this.fleet.connected);
    if (uid !== undefined) {
      this.#statuses.request(uid);
      return;
    }
    this.#statuses.requestAll();
    // A proxy that has just gone is no longer expected by then.
    this.#statuses.requestAllAt(clock.now() + SEEN_FOR_MS + 1_000);
  }
}

/** The last part of a collection's path. */
function kindOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
