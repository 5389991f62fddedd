import type { Logger } from 'pino';
import type { EndpointReport } from '../../api/health.ts';
import type { Backend, Endpoint, PassiveHealth, PoolSnapshot } from '../../api/snapshot.ts';
import type { Clock, Rng } from '../../lib/clock.ts';
import type { SharedTable } from '../state/shared-table.ts';
import { EndpointHealth } from './endpoint-health.ts';
import { EndpointWatch } from './endpoint-watch.ts';
import { FirstRound } from './first-round.ts';
import {
  isSameEndpoint,
  poolName,
  reportOf,
  type Member,
  type MonitoredPool,
  type MonitoredUpstream,
} from './member.ts';
import { planOutliers } from './outlier.ts';
import type { PassiveEvent } from './passive-reporter.ts';
import { probeSpec } from './probe.ts';
import type { Prober } from './prober.ts';
import { provesReachable, reachabilityProbe } from './reachability.ts';
import { ProbeScheduler } from './scheduler.ts';
import { judge, type Finding } from './verdict.ts';
import { VerdictBoard, type Transition } from './verdict-board.ts';

/**
 * Where a pool lives in the shared table, by backend name. `endpoints` is parallel to the snapshot's list. A slot
 * belongs to one identity (pool uid, backend, target uid, address, port) for as long as snapshots name that, and
 * goes to another only in, or after, the `update` or `remove` that takes it from the old one.
 */
export type PoolSlots = Readonly<
  Record<string, { readonly upstream: number; readonly endpoints: readonly number[] }>
>;

export interface HealthMonitorDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly table: SharedTable;
  readonly log: Logger;
  readonly prober: Prober;
  /** Called after the flags are written; must not call the monitor back synchronously. */
  readonly onTransition: (transition: Transition) => void;
  /** What `reports` shows is another than before; once a change. The same holds. */
  readonly onChange: () => void;
  /** Probes under way at once, over all pools. */
  readonly maxConcurrentProbes?: number;
}

/**
 * The health of every endpoint of a proxy, on its main thread: probes, what the workers report, the resource's
 * conditions and a person's overrides become one verdict each. The verdict's flags are written into the shared
 * table, and the upstream's epoch rises once for each change.
 */
export class HealthMonitor {
  readonly #deps: HealthMonitorDeps;
  readonly #scheduler: ProbeScheduler;
  readonly #board: VerdictBoard;
  readonly #firstRound = new FirstRound<Member>();
  readonly #pools = new Map<string, MonitoredPool>();
  readonly #members = new Map<number, Member>();
  /** What `applied` has to do: slots of who is gone, and who takes nothing more. */
  #gone: { readonly upstream: number; readonly slot: number }[] = [];
  #leaving: Member[] = [];
  #round = 0;

  constructor(deps: HealthMonitorDeps) {
    this.#deps = deps;
    this.#board = new VerdictBoard(deps);
    this.#scheduler = new ProbeScheduler({
      clock: deps.clock,
      rng: deps.rng,
      run: deps.prober.run,
      ...(deps.maxConcurrentProbes !== undefined && { maxConcurrent: deps.maxConcurrentProbes }),
    });
  }

  /**
   * Takes a pool's next snapshot. Call it **before** the workers apply that snapshot, so that a new endpoint's flags
   * are there when they first look, and after the slots were handed out (`SharedTable.resetEndpoint`). What is known
   * about an endpoint outlives every snapshot that still has it.
   *
   * What the snapshot takes away waits for `applied` where it brings something else instead: until a worker knows what
   * is new, it has only what was there before.
   */
  update(snapshot: PoolSnapshot, slots: PoolSlots): void {
    const pool = this.#pools.get(snapshot.uid) ?? {
      snapshot,
      upstreams: new Map<string, MonitoredUpstream>(),
    };
    const passiveBefore = pool.snapshot.config.passive;
    this.#pools.set(snapshot.uid, pool);
    pool.snapshot = snapshot;
    // Who leaves goes first, over all backends: a slot may have been handed on within the same snapshot.
    const known = this.#membersOf(pool, slots);
    this.#forgetOthers(pool, known);
    // Of a new pool nothing is known that could be judged otherwise.
    const passiveChanged = !sameValue(passiveBefore, snapshot.config.passive);
    const leaving: Member[] = [];
    let brings = false;
    for (const backend of snapshot.config.backends) {
      const upstream = this.#upstreamFor(pool, backend, slots[backend.name]!.upstream);
      const checkChanged = this.#configure(upstream, backend);
      const endpoints = snapshot.endpoints[backend.name] ?? [];
      upstream.members = known.get(backend.name)!.map((member, index) => {
        const endpoint = endpoints[index]!;
        if (member === undefined) {
          brings = true;
          return this.#add(upstream, endpoint, slots[backend.name]!.endpoints[index]!);
        }
        if (!this.#refresh(member, endpoint, checkChanged)) return member;
        if (member.health.offered) this.#settle(member);
        else leaving.push(member);
        return member;
      });
      if (passiveChanged) this.#setFailureLimits(upstream);
      if (passiveChanged || upstream.outliers > 0) this.#review(upstream);
    }
    if (brings) this.#leaving.push(...leaving);
    else for (const member of leaving) this.#settle(member);
    this.#board.flush();
  }

  /** Every worker serves the snapshots of the last updates: what they took away may go. */
  applied(): void {
    for (const { upstream, slot } of this.#gone) {
      if (!this.#members.has(slot)) this.#board.withdraw(upstream, slot);
    }
    for (const member of this.#leaving) {
      if (this.#members.get(member.slot) === member) this.#settle(member);
    }
    this.#gone = [];
    this.#leaving = [];
    this.#board.flush();
  }

  /** Forgets a pool that no worker serves any more: its probes stop, its endpoints' flags are cleared. */
  remove(poolUid: string): void {
    const pool = this.#pools.get(poolUid);
    if (pool === undefined) return;
    for (const upstream of pool.upstreams.values()) {
      for (const member of upstream.members) this.#forget(member);
    }
    this.#pools.delete(poolUid);
    this.applied();
  }

  /** What a worker met. It is not held against who has the slot of an endpoint that is gone. */
  observe(event: PassiveEvent): void {
    const member = this.#members.get(event.slot);
    if (member === undefined) return;
    const { health } = member;
    if (health.endpoint.address !== event.address || health.endpoint.port !== event.port) {
      this.#board.restore(member);
      this.#board.flush();
      return;
    }
    const now = this.#deps.clock.now();
    switch (event.kind) {
      case 'refused':
        health.refused(REFUSED, now);
        this.#settle(member);
        break;
      case 'connect-failed':
        health.lastCause = event.cause;
        health.suspected();
        this.#settle(member);
        member.checkWatch.now();
        break;
      case 'failures':
        health.lastCause = event.cause;
        this.#review(member.upstream);
        break;
    }
    this.#board.flush();
  }

  /** A worker is gone, perhaps with events that it had not sent: endpoints that it took out were refused. */
  workerLost(): void {
    const now = this.#deps.clock.now();
    for (const member of this.#members.values()) {
      if (this.#board.holds(member)) continue;
      member.health.refused(REFUSED, now);
      this.#settle(member);
    }
    this.#board.flush();
  }

  /** One report an endpoint, in snapshot order; empty for a pool that is not known. */
  reports(poolUid: string): EndpointReport[] {
    const upstreams = [...(this.#pools.get(poolUid)?.upstreams.values() ?? [])];
    return upstreams.flatMap((upstream) => upstream.members.map(reportOf));
  }

  /**
   * Resolves when every check that is configured now has had its first answer (or timeout); at once when there is
   * none. For /readyz, after the first snapshot.
   */
  firstRound(): Promise<void> {
    return this.#firstRound.done();
  }

  /**
   * Drains an endpoint by command, until `undrain`, or until it leaves the snapshot. `address` in canonical text
   * form. False when the pool has no such endpoint.
   */
  drain(poolUid: string, address: string, port: number): boolean {
    return this.#setDrained(poolUid, { address, port }, true);
  }

  undrain(poolUid: string, address: string, port: number): boolean {
    return this.#setDrained(poolUid, { address, port }, false);
  }

  /**
   * Monotonic milliseconds (`Clock.now`) at which the endpoint in this slot last began to take traffic: slow start
   * counts from here. Undefined while it takes none.
   */
  eligibleSince(slot: number): number | undefined {
    return this.#members.get(slot)?.eligibleSince;
  }

  /** Sizes of everything that grows with endpoints: zero when there are none. */
  get sizes(): { readonly endpoints: number; readonly targets: number; readonly probing: number } {
    return {
      endpoints: this.#members.size + this.#firstRound.size,
      targets: this.#scheduler.size,
      probing: this.#scheduler.running,
    };
  }

  /** Stops every probe and timer, for good. Flags stay as they are. Idempotent. */
  close(): void {
    this.#scheduler.close();
    this.#deps.prober.close();
    for (const member of this.#members.values()) member.endEjection?.();
    this.#firstRound.abandon();
  }

  // ---- snapshots ----

  /** By backend, parallel to the snapshot's endpoints: who is known already. */
  #membersOf(pool: MonitoredPool, slots: PoolSlots): Map<string, (Member | undefined)[]> {
    const round = ++this.#round;
    const { config, endpoints } = pool.snapshot;
    const known = new Map<string, (Member | undefined)[]>();
    for (const { name } of config.backends) {
      const upstream = pool.upstreams.get(name);
      const { endpoints: endpointSlots } = slots[name]!;
      const members = (endpoints[name] ?? []).map((endpoint, index) => {
        const member = this.#members.get(endpointSlots[index]!);
        if (member === undefined || member.upstream !== upstream) return undefined;
        if (!isSameEndpoint(member, endpoint)) return undefined;
        member.seen = round;
        return member;
      });
      known.set(name, members);
    }
    return known;
  }

  #forgetOthers(pool: MonitoredPool, known: ReadonlyMap<string, unknown>): void {
    for (const upstream of pool.upstreams.values()) {
      for (const member of upstream.members) if (member.seen !== this.#round) this.#forget(member);
      if (!known.has(upstream.name)) pool.upstreams.delete(upstream.name);
    }
  }

  #upstreamFor(pool: MonitoredPool, { name }: Backend, slot: number): MonitoredUpstream {
    let upstream = pool.upstreams.get(name);
    if (upstream === undefined) {
      const reach = reachabilityProbe(pool.snapshot.config, name);
      upstream = {
        pool,
        name,
        slot,
        check: undefined,
        tls: undefined,
        spec: undefined,
        reach,
        members: [],
        outliers: 0,
      };
      pool.upstreams.set(name, upstream);
    }
    return upstream;
  }

  /** True when the check, or what it proves, is another one than before. */
  #configure(upstream: MonitoredUpstream, backend: Backend): boolean {
    const { snapshot } = upstream.pool;
    const check = backend.healthCheck;
    const reach = reachabilityProbe(snapshot.config, backend.name);
    const isSame = sameValue(check, upstream.check) && sameValue(backend.tls, upstream.tls);
    if (isSame && reach === upstream.reach) return false;
    upstream.check = check;
    upstream.tls = backend.tls;
    upstream.reach = reach;
    upstream.spec =
      check && probeSpec(check, { pool: poolName(snapshot), backend: backend.name }, backend.tls);
    return true;
  }

  #add(upstream: MonitoredUpstream, endpoint: Endpoint, slot: number): Member {
    const { check, reach, pool } = upstream;
    const proves = check !== undefined && provesReachable(check, endpoint, reach);
    const health = new EndpointHealth(endpoint, check, proves);
    const { state, source, reason, message } = judge(health.facts);
    const { clock, table } = this.#deps;
    const member: Member = {
      upstream,
      slot,
      health,
      checkWatch: new EndpointWatch(this.#scheduler, (result, startedAt) => {
        health.checked(result, startedAt, clock.now());
        this.#firstRound.answered(member);
        this.#settle(member);
        this.#board.flush();
      }),
      reachWatch: new EndpointWatch(this.#scheduler, (result, startedAt) => {
        health.reached(result, startedAt, clock.now());
        this.#settle(member);
        this.#board.flush();
      }),
      verdict: { state, source, reason, message, since: clock.wall() },
      flags: 0,
      eligibleSince: undefined,
      endEjection: undefined,
      seen: this.#round,
      reported: undefined,
    };
    this.#members.set(slot, member);
    this.#board.admit();
    table.setFailureLimit(slot, failureLimit(pool.snapshot.config.passive));
    if (health.needs.check) this.#firstRound.expect(member);
    this.#settle(member);
    return member;
  }

  /** False when there is nothing to settle. */
  #refresh(member: Member, endpoint: Endpoint, checkChanged: boolean): boolean {
    const { health, upstream } = member;
    const before = health.endpoint;
    health.endpoint = endpoint;
    if (checkChanged) {
      const { check, reach } = upstream;
      health.setCheck(check, check !== undefined && provesReachable(check, endpoint, reach));
      return true;
    }
    return before.condition !== endpoint.condition || before.override !== endpoint.override;
  }

  #forget(member: Member): void {
    member.checkWatch.follow(undefined);
    member.reachWatch.follow(undefined);
    member.endEjection?.();
    this.#firstRound.answered(member);
    this.#members.delete(member.slot);
    this.#board.forget();
    this.#gone.push({ upstream: member.upstream.slot, slot: member.slot });
  }

  #setDrained(
    poolUid: string,
    { address, port }: { address: string; port: number },
    drained: boolean,
  ): boolean {
    let found = false;
    for (const upstream of this.#pools.get(poolUid)?.upstreams.values() ?? []) {
      for (const member of upstream.members) {
        const { health } = member;
        if (health.endpoint.address !== address || health.endpoint.port !== port) continue;
        found = true;
        health.drained = drained;
        this.#settle(member);
      }
      if (upstream.outliers > 0) this.#review(upstream);
    }
    this.#board.flush();
    return found;
  }

  // ---- outliers ----

  #setFailureLimits(upstream: MonitoredUpstream): void {
    const limit = failureLimit(upstream.pool.snapshot.config.passive);
    for (const { slot } of upstream.members) this.#deps.table.setFailureLimit(slot, limit);
  }

  /** Ejects and restores what is due in a backend. */
  #review(upstream: MonitoredUpstream, now = this.#deps.clock.now()): void {
    const { clock, table } = this.#deps;
    const { passive } = upstream.pool.snapshot.config;
    const candidates = upstream.members.map((member) => ({
      member,
      counted: member.health.offered,
      well: member.health.sound,
      run: table.failures(member.slot),
      ejection: member.health.ejection,
    }));
    const plan = planOutliers(candidates, passive, now);
    for (const { member } of plan.restore) {
      member.endEjection?.();
      member.endEjection = undefined;
      member.health.restore(now);
      this.#settle(member);
    }
    if (passive.mode === 'Enabled') {
      for (const { member, run } of plan.eject) {
        member.health.eject(run, passive, now);
        const { endsAt } = member.health.ejection!;
        member.endEjection = clock.after(endsAt - now, () => {
          // A timer may fire a fraction of a millisecond early.
          this.#review(upstream, Math.max(endsAt, clock.now()));
          this.#board.flush();
        });
        this.#settle(member);
      }
    }
    upstream.outliers =
      plan.held + upstream.members.filter(({ health }) => health.ejection !== undefined).length;
  }

  // ---- verdicts and probes ----

  /** Brings verdict, flags and probes of a member in line with what is known about it. */
  #settle(member: Member): void {
    this.#board.publish(member);
    const { health, upstream } = member;
    if (member.endEjection !== undefined && health.ejection === undefined) {
      member.endEjection();
      member.endEjection = undefined;
      this.#review(upstream);
    }
    const { check, reach, urgent } = health.needs;
    const { address, port } = health.endpoint;
    const spec = check ? upstream.spec : undefined;
    member.checkWatch.follow(spec && { address, port: upstream.check?.port ?? port, spec, urgent });
    member.reachWatch.follow(reach ? { address, port, spec: upstream.reach, urgent: true } : undefined);
    if (spec === undefined) this.#firstRound.answered(member);
  }
}

const REFUSED: Finding = { source: 'Passive', reason: 'ConnectRefused', message: 'connection refused' };

/** For plain data in a stable order of keys, as snapshots have it. */
function sameValue(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function failureLimit(passive: PassiveHealth): number {
  return passive.mode === 'Enabled' ? passive.consecutiveFailures : 0;
}
