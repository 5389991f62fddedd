import type { Logger } from 'pino';
import type { Clock } from '../../lib/clock.ts';
import { coalesce, type Coalesced } from '../../lib/coalesce.ts';
import type { Sink } from '../kube/list-watch.ts';
import { keyOf, type Store } from './store.ts';
import type { StoredPool } from './trim.ts';

export interface PoolRemovalsOptions {
  readonly store: Store<StoredPool>;
  /** Whether the CRD is there and stays; asked before anything is removed. */
  readonly definitionStands: () => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long pools may take to come back once their CRD has. */
const RETURN_MS = 60_000;
const LOOK_AGAIN_MS = 5_000;

/**
 * Between the watch of pools and their store. Who deletes the CRD deletes every pool with it, and hardly ever means to
 * end all traffic: such pools are served on until they come back, or have not a minute after the CRD has. A pool that
 * is deleted by itself goes at once.
 */
export class PoolRemovals implements Sink<StoredPool> {
  readonly #options: PoolRemovalsOptions;
  /** Deleted, and still in the store; by key. */
  readonly #gone = new Map<string, StoredPool>();
  readonly #look: Coalesced;
  #fellAt = -Infinity;
  #cancel: (() => void) | undefined;

  constructor(options: PoolRemovalsOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#look = coalesce({
      run: () => this.#remove(),
      holdMs: 0,
      retryMs: 1_000,
      onError: (error) => log.warn({ err: error }, 'cannot look whether the CRD is there; pools stay'),
      clock,
    });
  }

  put(pool: StoredPool): void {
    this.#gone.delete(keyOf(pool));
    this.#options.store.put(pool);
  }

  remove(pool: StoredPool): void {
    this.#gone.set(keyOf(pool), pool);
    this.#look.request();
  }

  replace(pools: readonly StoredPool[]): void {
    const listed = new Set(pools.map(keyOf));
    for (const pool of this.#options.store.values()) {
      if (!listed.has(keyOf(pool))) this.#gone.set(keyOf(pool), pool);
    }
    for (const pool of pools) this.put(pool);
    if (this.#gone.size > 0) this.#look.request();
  }

  stop(): Promise<void> {
    this.#cancel?.();
    this.#gone.clear();
    return this.#look.close();
  }

  async #remove(): Promise<void> {
    const { store, definitionStands, clock, log } = this.#options;
    if (this.#gone.size === 0) return;
    const stands = await definitionStands();
    const now = clock.now();
    if (!stands) {
      if (now - this.#fellAt > RETURN_MS)
        log.error({ pools: this.#gone.size }, 'the CRD is being deleted: what its pools were is served on');
      this.#fellAt = now;
    }
    if (now - this.#fellAt < RETURN_MS) {
      this.#cancel?.();
      this.#cancel = clock.after(LOOK_AGAIN_MS, () => this.#look.request());
      return;
    }
    for (const pool of this.#gone.values()) store.remove(pool);
    this.#gone.clear();
  }
}
