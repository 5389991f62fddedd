import type { Sink } from '../kube/list-watch.ts';

export interface Stored {
  readonly metadata: { readonly name: string; readonly namespace: string };
}

export function keyOf({ metadata: { namespace, name } }: Stored): string {
  return `${namespace}/${name}`;
}

/** @param key as of `keyOf` */
export function namespaceOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}

export interface StoreOptions<T> {
  /** What of an object matters: an event that changes nothing else is stored and told to nobody. */
  readonly matters: (item: T) => unknown;
  /** Called after each change that matters, with what was there and what is. */
  readonly changed: (before: T | undefined, after: T | undefined) => void;
}

/** Objects of one kind, as last heard. */
export class Store<T extends Stored> implements Sink<T> {
  readonly #items = new Map<string, T>();
  readonly #options: StoreOptions<T>;

  constructor(options: StoreOptions<T>) {
    this.#options = options;
  }

  get size(): number {
    return this.#items.size;
  }

  get(key: string): T | undefined {
    return this.#items.get(key);
  }

  values(): IterableIterator<T> {
    return this.#items.values();
  }

  replace(items: readonly T[]): void {
    const left = new Set(this.#items.keys());
    for (const item of items) {
      left.delete(keyOf(item));
      this.put(item);
    }
    for (const key of left) this.#delete(key);
  }

  put(item: T): void {
    const key = keyOf(item);
    const before = this.#items.get(key);
    this.#items.set(key, item);
    const { matters, changed } = this.#options;
    if (before !== undefined && JSON.stringify(matters(before)) === JSON.stringify(matters(item))) return;
    changed(before, item);
  }

  remove(item: T): void {
    this.#delete(keyOf(item));
  }

  #delete(key: string): void {
    const before = this.#items.get(key);
    if (before === undefined) return;
    this.#items.delete(key);
    this.#options.changed(before, undefined);
  }
}
