import type { Logger } from 'pino';
import { encodeToProxy } from '../../api/control.ts';
import type { Health, Hello, Nack, Traffic } from '../../api/control_pb.ts';
import type { Newest } from '../../api/pool-update.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import type { Clock, Rng } from '../../lib/clock.ts';
import { newProxyView, type ProxyView } from './proxy-view.ts';
import { joinOnce, PublishedPool } from './published.ts';
import { SendBudget } from './send-budget.ts';
import { Session, type ControlServerStream } from './session.ts';

export interface FleetOptions {
  readonly controller: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly events: FleetEvents;
  readonly ackTimeoutMs?: number;
  readonly maxInFlightBytes?: number;
}

export interface FleetEvents {
  pushed(bytes: number): void;
  nacked(nack: Nack): void;
  /** Every connected proxy has acknowledged what a change led to. */
  applied(uid: string, tookMs: number): void;
  health(proxy: string, health: Health): void;
  traffic(proxy: string, traffic: Traffic): void;
  /** A proxy that is gone for good, or reports anew: what it said of endpoints no longer counts. */
  forgetHealth(proxy: string): void;
  /** A proxy has acknowledged a change that others have not answered yet. */
  spreading(uid: string): void;
  /** Something that the status of this pool depends on is different; absent: of every pool. */
  changed(uid?: string): void;
  /** Another leads with this epoch. */
  deposed(epoch: number): void;
}

/** How long a proxy that is gone is still expected back. */
export const SEEN_FOR_MS = 60_000;

/**
 * An epoch is kept in a Lease, as an integer of 31 bits: who rose above one near the end could not write it, and nobody
 * would lead again. A new leader every second takes 34 years to here.
 */
const MAX_HEARD_EPOCH = 2 ** 30;

/** All proxies, and the state of the world that they should have. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #pools = new Map<string, PublishedPool>();
  readonly #views = new Map<string, ProxyView>();
  readonly #sessions = new Map<string, Session>();
  /** Pools that exist but cannot be published: proxies keep what they have of them. */
  readonly #kept = new Set<string>();
  /** Pools whose latest change is not applied everywhere yet. */
  readonly #spreading = new Set<string>();
  readonly #budget: SendBudget;
  readonly #join = joinOnce();
  #epoch: number | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#budget = new SendBudget(options.maxInFlightBytes ?? 64 * 1024 * 1024);
  }

  get connected(): number {
    return this.#sessions.size;
  }

  /** From now on this controller pushes: everything to everyone, then what changes. */
  lead(epoch: number): void {
    this.#epoch = epoch;
    for (const session of this.#sessions.values()) session.lead(epoch);
  }

  follow(): void {
    this.#epoch = undefined;
    for (const session of this.#sessions.values()) session.follow();
  }

  /** @param changedAt monotonic milliseconds at which the change that led to this was seen */
  publish(snapshot: PoolSnapshot, newest: Newest, changedAt: number): void {
    const { uid } = snapshot;
    this.#kept.delete(uid);
    const pool = this.#pools.get(uid);
    if (pool === undefined) this.#pools.set(uid, new PublishedPool(snapshot, newest, changedAt));
    else if (!pool.replace(snapshot, newest, changedAt)) return;
    this.#spreading.add(uid);
    for (const session of this.#sessions.values()) session.changed(uid);
  }

  /** The pool exists and there is nothing good to publish of it. Proxies that have it from before keep it. */
  keep(uid: string): void {
    if (!this.#pools.has(uid)) this.#kept.add(uid);
  }

  remove(uid: string): void {
    this.#kept.delete(uid);
    if (!this.#pools.delete(uid)) return;
    this.#spreading.delete(uid);
    for (const session of this.#sessions.values()) session.removed(uid);
    for (const view of this.#views.values()) {
      view.applied.delete(uid);
      view.refused.delete(uid);
    }
  }

  published(uid: string): PublishedPool | undefined {
    return this.#pools.get(uid);
  }

  /** The highest epoch that any proxy has heard of; what can be none is not counted. */
  highestEpoch(): number {
    const epochs = [...this.#views.values()].map(({ epoch }) => epoch);
    return Math.max(0, ...epochs.filter((epoch) => epoch <= MAX_HEARD_EPOCH));
  }

  /** Connected, or seen in the last minute. */
  views(): readonly ProxyView[] {
    const oldest = this.#options.clock.now() - SEEN_FOR_MS;
    for (const view of this.#views.values()) {
      if (view.connected || view.lastSeenAt >= oldest) continue;
      this.#views.delete(view.name);
      this.#options.events.forgetHealth(view.name);
    }
    return [...this.#views.values()];
  }

  /** A proxy's stream has said hello. */
  join(stream: ControlServerStream, hello: Hello): Session {
    const { clock, rng, log, events, controller } = this.#options;
    const name = hello.proxy;
    this.#sessions.get(name)?.end();
    const view = newProxyView(hello, clock.now());
    view.connected = true;
    view.ready = hello.ready;
    view.epoch = hello.epoch;
    view.newest = versionsIn(hello.newest);
    for (const { uid, digest } of hello.applied) view.applied.set(uid, digest);
    this.#views.set(name, view);
    events.forgetHealth(name);
    const session = new Session({
      stream,
      view,
      pools: this.#pools,
      kept: this.#kept,
      budget: this.#budget,
      join: this.#join,
      clock,
      rng,
      log,
      ackTimeoutMs: this.#options.ackTimeoutMs ?? 30_000,
      events: {
        pushed: (bytes) => events.pushed(bytes),
        acked: (uid) => this.#acked(uid),
        nacked: (uid, nack) => {
          this.#logRefusal(name, view, nack);
          events.nacked(nack);
          events.changed(uid);
        },
        ready: () => events.changed(),
        health: (health) => events.health(name, health),
        traffic: (traffic) => events.traffic(name, traffic),
        deposed: (epoch) => events.deposed(epoch),
      },
    });
    this.#sessions.set(name, session);
    log.info({ proxy: name, version: hello.version, connected: this.#sessions.size }, 'proxy connected');
    stream.write(encodeToProxy({ case: 'welcome', value: { controller } }));
    if (this.#epoch !== undefined) session.lead(this.#epoch);
    events.changed();
    return session;
  }

  leave(name: string, session: Session): void {
    session.close();
    if (this.#sessions.get(name) !== session) return; // it has come back meanwhile
    this.#sessions.delete(name);
    const view = this.#views.get(name);
    if (view !== undefined) {
      view.connected = false;
      view.lastSeenAt = this.#options.clock.now();
    }
    this.#options.log.info({ proxy: name, connected: this.#sessions.size }, 'proxy disconnected');
    this.#options.events.changed();
  }

  close(): void {
    for (const session of this.#sessions.values()) session.end();
  }

  /** Once for each reason: what is refused is tried again and again. */
  #logRefusal(proxy: string, { refused }: ProxyView, { uid, digest, resync }: Nack): void {
    const refusal = refused.get(uid);
    if (resync || refusal === undefined || refusal.repeated) return;
    this.#options.log.warn({ proxy, uid, digest, faults: refusal.faults }, 'proxy refused a pool');
  }

  /** How far a digest has got among the proxies that are connected. */
  #spread(uid: string, digest: string): 'applied' | 'answered' | 'spreading' {
    let isApplied = true;
    for (const { connected, applied, refused } of this.#views.values()) {
      if (!connected || applied.get(uid) === digest) continue;
      if (refused.get(uid)?.digest !== digest) return 'spreading';
      isApplied = false;
    }
    return isApplied ? 'applied' : 'answered';
  }

  #acked(uid: string): void {
    const { events, clock } = this.#options;
    const pool = this.#pools.get(uid);
    if (pool !== undefined && this.#spreading.has(uid)) {
      const spread = this.#spread(uid, pool.snapshot.digest);
      if (spread === 'spreading') {
        events.spreading(uid);
        return;
      }
      if (spread === 'applied') {
        this.#spreading.delete(uid);
        events.applied(uid, clock.now() - pool.changedAt);
      }
    }
    events.changed(uid);
  }
}

/** Without what is no resource version. */
function versionsIn(newest: Newest): Newest {
  return Object.fromEntries(Object.entries(newest).filter(([, version]) => /^\d{1,20}$/.test(version)));
}
