import { encodeUpdate, type Newest } from '../../api/pool-update.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';

/** How many past states of a pool are kept to make deltas from. */
const HISTORY = 8;

/**
 * One pool as the proxies should have it, and its messages: each is encoded once, however many proxies get it.
 */
export class PublishedPool {
  readonly #history: PoolSnapshot[] = [];
  readonly #messages = new Map<string, Buffer>();
  #current: PoolSnapshot;
  #epoch = 0;
  #newest: Newest;
  /** When what led to the current state was seen; monotonic milliseconds. */
  changedAt: number;

  constructor(snapshot: PoolSnapshot, newest: Newest, changedAt: number) {
    this.#current = snapshot;
    this.#newest = newest;
    this.changedAt = changedAt;
  }

  get snapshot(): PoolSnapshot {
    return this.#current;
  }

  replace(snapshot: PoolSnapshot, newest: Newest, changedAt: number): void {
    this.#history.push(this.#current);
    if (this.#history.length > HISTORY) this.#history.shift();
    this.#current = snapshot;
    this.#newest = newest;
    this.changedAt = changedAt;
    this.#messages.clear();
  }

  /** @param from the digest that the proxy has; a delta when that is known here, else all of it */
  message(epoch: number, from: string | undefined): Buffer {
    if (epoch !== this.#epoch) {
      this.#messages.clear();
      this.#epoch = epoch;
    }
    const base = from === undefined ? undefined : this.#history.find(({ digest }) => digest === from);
    const key = base?.digest ?? '';
    let message = this.#messages.get(key);
    if (message === undefined) {
      const about = { epoch, newest: this.#newest };
      message = encodeUpdate(this.#current, base === undefined ? about : { ...about, base });
      this.#messages.set(key, message);
    }
    return message;
  }
}
