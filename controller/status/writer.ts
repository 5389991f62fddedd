import type { Logger } from 'pino';
import type { PoolStatus } from '../../api/pool.gen.ts';
import { backoff, type Backoff } from '../../lib/backoff.ts';
import type { Clock, Rng } from '../../lib/clock.ts';
import { coalesce, type Coalesced } from '../../lib/coalesce.ts';
import { FairSet } from '../fair-set.ts';
import { type Rate, TokenBucket } from '../token-bucket.ts';
import { difference } from './write-decision.ts';

export interface StatusWriterOptions {
  /** The pool's status now; undefined when it has gone, or should wait (it is then requested again). */
  readonly compute: (uid: string) => ComputedStatus | undefined;
  /** Writes it; resolves to false when it was not written and need not be. */
  readonly write: (uid: string, status: PoolStatus) => Promise<boolean>;
  /** Called after a write. */
  readonly written: (uid: string, before: PoolStatus | undefined, status: PoolStatus) => void;
  readonly leading: () => boolean;
  /** Whose pool it is: the budget is shared by tenants in turn. */
  readonly tenantOf: (uid: string) => string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly limits?: Partial<StatusLimits>;
}

export interface ComputedStatus {
  readonly status: PoolStatus;
  /** As the API server has it. */
  readonly before: PoolStatus | undefined;
}

/** The rate is that of writes, over all pools. */
export interface StatusLimits extends Rate {
  readonly concurrent: number;
  /** From one write of a pool to the next, when something turned, and when only details changed. */
  readonly transitionMs: number;
  readonly detailsMs: number;
}

const LIMITS: StatusLimits = {
  perSecond: 20,
  burst: 1_000,
  concurrent: 16,
  transitionMs: 1_000,
  detailsMs: 10_000,
};

/** How long one round works: its rounds are 20 ms apart, so that status takes at most a quarter of the time. */
const ROUND_MS = 5;
/** A pool's status takes at most one part in this many of the time: one with 10,000 endpoints costs milliseconds. */
const REST = 20;

interface PoolState {
  writing: boolean;
  /** After a failure: not before its back-off is over. */
  notBefore: number;
  /** Nothing new was asked for, and what there is may wait until then. */
  sleepUntil: number;
  /** It takes long to work out, and was worked out a moment ago. */
  restUntil: number;
  lastWriteAt: number;
  readonly retry: Backoff;
}

/**
 * The only writer of status. Requests are cheap and may come by the thousand:
 *
 * 1. What equals what the API server has is not written.
 * 2. A pool is written at most once a second, and at most every 10 s when only details changed; the last state is
 *    always written in the end.
 * 3. All pools share a budget: about 20 writes a second with a burst for transitions, which go first. Tenants take
 *    turns: one with thousands of pools does not keep another's waiting.
 * 4. However often it is asked for, a status that is costly to work out is not worked out all the time, and all
 *    together leave most of the time to what proxies wait for.
 * 5. Only the leader writes. A failed write is retried with back-off and holds up no other pool.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #limits: StatusLimits;
  readonly #due: FairSet;
  readonly #pools = new Map<string, PoolState>();
  readonly #round: Coalesced;
  readonly #tokens: TokenBucket;
  #writing = 0;
  #cancelTimer: (() => void) | undefined;
  #wakeAt = Infinity;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    this.#due = new FairSet(options.tenantOf);
    this.#limits = { ...LIMITS, ...options.limits };
    this.#tokens = new TokenBucket(this.#limits, options.clock.now());
    this.#round = coalesce({
      run: () => this.#writeDue(),
      holdMs: 10,
      minIntervalMs: 20,
      retryMs: 1_000,
      onError: (error) => options.log.error({ err: error }, 'status round failed'),
      clock: options.clock,
    });
  }

  /** Pools of which something is remembered. */
  get size(): number {
    return this.#pools.size;
  }

  request(uid: string): void {
    this.#due.add(uid);
    const pool = this.#pools.get(uid);
    if (pool !== undefined) pool.sleepUntil = -Infinity;
    this.#round.request();
  }

  /** The pool is gone. */
  forget(uid: string): void {
    this.#due.delete(uid);
    this.#pools.delete(uid);
  }

  close(): Promise<void> {
    this.#cancelTimer?.();
    return this.#round.close();
  }

  #writeDue(): void {
    const { leading, clock } = this.#options;
    if (!leading()) {
      this.#due.clear(); // who leads next begins with all pools
      return;
    }
    const now = clock.now();
    const details: { uid: string; pool: PoolState; computed: ComputedStatus }[] = [];
    let wakeAt = Infinity;
    for (const uid of this.#due) {
      if (!this.#hasRoom(now)) break;
      if (clock.now() - now >= ROUND_MS) {
        wakeAt = now; // the next round goes on
        break;
      }
      const pool = this.#pool(uid);
      if (pool.writing) continue; // the end of the write begins another round
      const from = Math.max(
        pool.notBefore,
        pool.sleepUntil,
        pool.restUntil,
        pool.lastWriteAt + this.#limits.transitionMs,
      );
      if (from > now) {
        wakeAt = Math.min(wakeAt, from);
        continue;
      }
      const startedAt = clock.now();
      const computed = this.#compute(uid, pool);
      if (computed === 'failed') continue;
      const endedAt = clock.now();
      pool.restUntil = endedAt + (endedAt - startedAt) * REST;
      const kind = computed === undefined ? 'equal' : difference(computed.before, computed.status);
      if (computed === undefined || kind === 'equal') {
        this.#due.delete(uid);
        // A proxy may speak of a pool that has just gone, or never was.
        if (computed === undefined && !pool.writing && pool.lastWriteAt === -Infinity)
          this.#pools.delete(uid);
        continue;
      }
      const intervalMs = kind === 'transition' ? this.#limits.transitionMs : this.#limits.detailsMs;
      const dueAt = pool.lastWriteAt + intervalMs;
      if (dueAt > now) {
        pool.sleepUntil = dueAt;
        wakeAt = Math.min(wakeAt, dueAt);
      } else if (kind === 'transition') this.#begin(uid, pool, computed);
      else details.push({ uid, pool, computed });
    }
    for (const { uid, pool, computed } of details) if (this.#hasRoom(now)) this.#begin(uid, pool, computed);
    if (this.#due.size > 0 && !this.#tokens.has(now))
      wakeAt = Math.min(wakeAt, now + this.#tokens.intervalMs);
    this.#wake(wakeAt);
  }

  /** One that cannot be worked out is tried again like one that cannot be written, and holds up no other. */
  #compute(uid: string, pool: PoolState): ComputedStatus | undefined | 'failed' {
    const { compute, clock, log } = this.#options;
    try {
      return compute(uid);
    } catch (error) {
      pool.notBefore = clock.now() + pool.retry.next();
      this.#wake(pool.notBefore);
      log.error({ uid, err: error }, 'cannot work out a status; trying again');
      return 'failed';
    }
  }

  #hasRoom(now: number): boolean {
    return this.#writing < this.#limits.concurrent && this.#tokens.has(now);
  }

  #begin(uid: string, pool: PoolState, computed: ComputedStatus): void {
    this.#tokens.take();
    this.#due.delete(uid);
    void this.#write(uid, pool, computed);
  }

  async #write(uid: string, pool: PoolState, { status, before }: ComputedStatus): Promise<void> {
    const { write, written, clock, log } = this.#options;
    pool.writing = true;
    this.#writing += 1;
    try {
      if (await write(uid, status)) written(uid, before, status);
      pool.lastWriteAt = clock.now();
      pool.retry.reset();
    } catch (error) {
      pool.notBefore = clock.now() + pool.retry.next();
      if (this.#pools.has(uid)) this.#due.add(uid);
      log.warn({ uid, err: error }, 'cannot write status; trying again');
    }
    pool.writing = false;
    this.#writing -= 1;
    if (this.#due.size > 0) this.#round.request();
  }

  #pool(uid: string): PoolState {
    let pool = this.#pools.get(uid);
    if (pool === undefined) {
      const retry = backoff({ initialMs: 500, maxMs: 30_000 }, this.#options.rng);
      pool = {
        writing: false,
        notBefore: -Infinity,
        sleepUntil: -Infinity,
        restUntil: -Infinity,
        lastWriteAt: -Infinity,
        retry,
      };
      this.#pools.set(uid, pool);
    }
    return pool;
  }

  #wake(at: number): void {
    if (at >= this.#wakeAt) return;
    this.#cancelTimer?.();
    this.#wakeAt = at;
    this.#cancelTimer = this.#options.clock.after(Math.max(0, at - this.#options.clock.now()), () => {
      this.#wakeAt = Infinity;
      this.#round.request();
    });
  }
}
