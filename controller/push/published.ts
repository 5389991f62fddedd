import { MAX_MESSAGE_BYTES } from '../../api/control.ts';
import { encodeUpdate, joinUpdates, type Newest } from '../../api/pool-update.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';

/** How many past states of a pool are kept to make deltas from. */
const HISTORY = 64;

/** A state that was published, and when another took its place. */
export interface Past {
  readonly snapshot: PoolSnapshot;
  /** Monotonic milliseconds. */
  readonly replacedAt: number;
}

/**
 * One pool as the proxies should have it, and its messages: each is encoded once, however many proxies get it.
 */
export class PublishedPool {
  readonly #history: Past[] = [];
  readonly #messages = new Map<string, Buffer | undefined>();
  #current: PoolSnapshot;
  #epoch = 0;
  #newest: Newest;
  #changedAt: number;

  constructor(snapshot: PoolSnapshot, newest: Newest, changedAt: number) {
    this.#current = snapshot;
    this.#newest = newest;
    this.#changedAt = changedAt;
  }

  /** When what led to the current state was seen; monotonic milliseconds. */
  get changedAt(): number {
    return this.#changedAt;
  }

  get snapshot(): PoolSnapshot {
    return this.#current;
  }

  /** Returns whether proxies have something to do for it. */
  replace(snapshot: PoolSnapshot, newest: Newest, changedAt: number): boolean {
    if (snapshot.digest === this.#current.digest) {
      this.#current = snapshot; // the same content from a newer generation
      return false;
    }
    this.#history.push({ snapshot: this.#current, replacedAt: changedAt });
    if (this.#history.length > HISTORY) this.#history.shift();
    this.#current = snapshot;
    this.#newest = newest;
    this.#changedAt = changedAt;
    this.#messages.clear();
    return true;
  }

  /** The past state with this digest that was replaced last, if it is remembered. */
  past(digest: string): Past | undefined {
    return this.#history.findLast(({ snapshot }) => snapshot.digest === digest);
  }

  /**
   * Undefined: no proxy takes a message of that size.
   * @param from the digest that the proxy has; a delta when that is known here, else all of it
   */
  message(epoch: number, from: string | undefined): Buffer | undefined {
    if (epoch !== this.#epoch) {
      this.#messages.clear();
      this.#epoch = epoch;
    }
    const base = from === undefined ? undefined : this.past(from)?.snapshot;
    const key = base?.digest ?? '';
    if (!this.#messages.has(key)) {
      const about = { epoch, newest: this.#newest };
      const message = encodeUpdate(this.#current, base === undefined ? about : { ...about, base });
      this.#messages.set(key, message.byteLength > MAX_MESSAGE_BYTES ? undefined : message);
    }
    return this.#messages.get(key);
  }
}

/** Proxies that are equally far on are sent the same updates one after the other: they are joined once. */
export function joinOnce(): typeof joinUpdates {
  let last: { readonly updates: readonly Buffer[]; readonly joined: Buffer } | undefined;
  return (updates) => {
    const isSame =
      last?.updates.length === updates.length && updates.every((update, i) => update === last?.updates[i]);
    if (last === undefined || !isSame) last = { updates, joined: joinUpdates(updates) };
    return last.joined;
  };
}
