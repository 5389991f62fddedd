import type { Logger } from 'pino';
import type { Clock, Rng } from '../../lib/clock.ts';
import { isFree, microTime, released, type LeaseSpec } from '../../lib/lease.ts';
import { isStatus, type KubeClient } from './client.ts';
import { ListWatch } from './list-watch.ts';
import { LEASES, resourcePath, type KubeObject } from './objects.ts';

export interface LeaseTiming {
  /** Without a renewal for this long the lease is free. */
  readonly leaseMs: number;
  /** A holder that could not renew for this long steps down. */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

export const LEASE_TIMING: LeaseTiming = { leaseMs: 6_000, renewDeadlineMs: 4_000, retryMs: 1_000 };

export interface LeaderElectionOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Different for every process, also after a restart. */
  readonly identity: string;
  /** Called with an epoch that is higher than that of every holder before. */
  readonly onLead: (epoch: number) => void;
  readonly onFollow: () => void;
  /** The highest epoch that anybody has heard of, also from a lease that was deleted since. */
  readonly knownEpoch: () => number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly timing?: LeaseTiming;
}

interface Lease extends KubeObject {
  readonly spec: LeaseSpec;
}

/**
 * Who among the controllers leads, by a Lease:
 *
 * 1. `leading` is true for one at a time: a holder stops believing in itself (4 s) before others may (6 s), by the
 *    monotonic clock of each, whatever their wall clocks say and even if the process was paused in between.
 * 2. Epochs (the lease's transitions) rise with every new holder.
 * 3. A released lease is taken at once, an abandoned one at most 7 s after its last renewal.
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #timing: LeaseTiming;
  readonly #watch: ListWatch<Lease>;
  #lease: Lease | undefined;
  /** When `#lease` was first seen as it is. */
  #seenAt = 0;
  #renewedAt = -Infinity;
  #epoch: number | undefined;
  #busy: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #cancelDeadline: (() => void) | undefined;
  #closed = false;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#timing = options.timing ?? LEASE_TIMING;
    const { client, namespace, name, clock, rng, log } = options;
    this.#watch = new ListWatch<Lease>({
      client,
      path: resourcePath(LEASES, namespace),
      fieldSelector: `metadata.name=${name}`,
      trim: (object) => object as Lease,
      sink: {
        replace: ([lease]) => this.#observe(lease),
        put: (lease) => this.#observe(lease),
        remove: () => this.#observe(undefined),
      },
      clock,
      rng,
      log,
    });
  }

  get leading(): boolean {
    const { clock } = this.#options;
    return this.#epoch !== undefined && clock.now() - this.#renewedAt < this.#timing.renewDeadlineMs;
  }

  start(): void {
    this.#watch.start();
    this.#later();
  }

  /** Another claims a higher epoch than ours: we ask the API server at once, and rise above it if we do lead. */
  challenged(): void {
    if (this.#epoch !== undefined) this.#act();
  }

  /** Lets go of the lease, so that another takes it at once. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    await this.#watch.stop();
    await this.#busy;
    if (!this.leading) return;
    this.#follow('released');
    const spec = released(this.#lease?.spec ?? {}, this.#options.clock.wall());
    await this.#put(spec, 1_000).catch(() => undefined);
  }

  #observe(lease: Lease | undefined): void {
    if (lease !== undefined && isOlder(lease, this.#lease)) return;
    if (lease?.metadata.resourceVersion !== this.#lease?.metadata.resourceVersion) {
      this.#seenAt = this.#options.clock.now();
    }
    this.#lease = lease;
    if (this.#epoch === undefined && this.#isFree()) this.#act();
    else if (this.#epoch !== undefined && lease?.spec.holderIdentity !== this.#options.identity) this.#act();
  }

  #isFree(): boolean {
    const unchangedMs = this.#options.clock.now() - this.#seenAt;
    return isFree(this.#lease?.spec, unchangedMs, this.#timing.leaseMs);
  }

  #later(): void {
    this.#cancelTimer?.();
    if (this.#closed) return;
    const { clock, rng } = this.#options;
    this.#cancelTimer = clock.after(this.#timing.retryMs * (0.9 + rng() / 10), () => this.#act());
  }

  #act(): void {
    if (this.#busy !== undefined || this.#closed) return;
    this.#busy = this.#try()
      .catch((error: unknown) => this.#options.log.debug({ err: error }, 'leader election'))
      .finally(() => {
        this.#busy = undefined;
        this.#later();
      });
  }

  async #try(): Promise<void> {
    if (this.#epoch !== undefined) {
      await this.#renew(this.#epoch);
      return;
    }
    if (!this.#watch.hasSynced || !this.#isFree()) return;
    const { clock, knownEpoch } = this.#options;
    const startedAt = clock.now();
    const epoch = Math.max(this.#lease?.spec.leaseTransitions ?? 0, knownEpoch()) + 1;
    const now = microTime(clock.wall());
    if (!(await this.#write({ ...this.#held(epoch), acquireTime: now, renewTime: now }))) return;
    this.#lead(epoch, startedAt);
  }

  async #renew(held: number): Promise<void> {
    const { clock, knownEpoch } = this.#options;
    const startedAt = clock.now();
    const epoch = knownEpoch() > held ? knownEpoch() + 1 : held;
    const acquireTime = this.#lease?.spec.acquireTime;
    const spec = { ...this.#held(epoch), acquireTime, renewTime: microTime(clock.wall()) };
    if (!(await this.#write(spec))) {
      this.#follow('another holds the lease');
      return;
    }
    if (epoch !== held) this.#lead(epoch, startedAt);
    else this.#renewed(startedAt);
  }

  #held(leaseTransitions: number): LeaseSpec {
    const { identity } = this.#options;
    return { holderIdentity: identity, leaseDurationSeconds: this.#timing.leaseMs / 1_000, leaseTransitions };
  }

  /** False when the lease has changed under us and is not ours; throws when the API server cannot tell. */
  async #write(spec: object): Promise<boolean> {
    const { client, namespace, name, identity } = this.#options;
    const timeoutMs = this.#timing.renewDeadlineMs / 2;
    try {
      await this.#put(spec, timeoutMs);
      return true;
    } catch (error) {
      if (!isStatus(error, 409) && !isStatus(error, 404)) throw error;
    }
    const path = resourcePath(LEASES, namespace, name);
    const fresh = await client.request<Lease>('GET', path, { timeoutMs }).catch((error: unknown) => {
      if (isStatus(error, 404)) return undefined;
      throw error;
    });
    this.#observe(fresh);
    if (fresh?.spec.holderIdentity !== identity) return false;
    await this.#put(spec, timeoutMs);
    return true;
  }

  async #put(spec: object, timeoutMs: number): Promise<void> {
    const { client, namespace, name } = this.#options;
    const found = this.#lease?.metadata;
    const body = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name,
        namespace,
        ...(found === undefined ? {} : { resourceVersion: found.resourceVersion }),
      },
      spec,
    };
    const written = await (found === undefined
      ? client.request<Lease>('POST', resourcePath(LEASES, namespace), { body, timeoutMs })
      : client.request<Lease>('PUT', resourcePath(LEASES, namespace, name), { body, timeoutMs }));
    this.#observe(written);
  }

  #lead(epoch: number, since: number): void {
    this.#epoch = epoch;
    this.#renewed(since);
    this.#options.log.info({ epoch }, 'leads');
    this.#options.onLead(epoch);
  }

  #renewed(at: number): void {
    const { clock } = this.#options;
    this.#renewedAt = at;
    this.#cancelDeadline?.();
    const leftMs = at + this.#timing.renewDeadlineMs - clock.now();
    this.#cancelDeadline = clock.after(leftMs, () => this.#follow('the lease could not be renewed'));
  }

  #follow(why: string): void {
    if (this.#epoch === undefined) return;
    this.#epoch = undefined;
    this.#renewedAt = -Infinity;
    this.#cancelDeadline?.();
    this.#options.log.warn({ why }, 'leads no longer');
    this.#options.onFollow();
  }
}

function isOlder(lease: Lease, than: Lease | undefined): boolean {
  if (than === undefined || than.metadata.uid !== lease.metadata.uid) return false;
  return BigInt(lease.metadata.resourceVersion) < BigInt(than.metadata.resourceVersion);
}
