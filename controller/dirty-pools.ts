import { FairSet } from './fair-set.ts';
import { namespaceOf } from './watch/store.ts';

/** Pools that have to be resolved again, by `namespace/name`; namespaces take turns. */
export class DirtyPools {
  readonly #keys = new FairSet(namespaceOf);
  /** Since when each is dirty; monotonic milliseconds. */
  readonly #since = new Map<string, number>();

  get size(): number {
    return this.#keys.size;
  }

  /** One that is dirty already has been so since then. @param now monotonic milliseconds */
  add(key: string, now: number): void {
    if (this.#since.has(key)) return;
    this.#since.set(key, now);
    this.#keys.add(key);
  }

  /** Those whose turn it is, at most so many, with the time since when each is dirty. */
  take(count: number): Map<string, number> {
    const taken = new Map<string, number>();
    for (const key of this.#keys) {
      if (taken.size === count) break;
      taken.set(key, this.#since.get(key)!);
      this.#since.delete(key);
      this.#keys.delete(key);
    }
    return taken;
  }
}
