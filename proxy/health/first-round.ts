/** Who has not answered yet, and who waits for that. */
export class FirstRound<T> {
  readonly #pending = new Set<T>();
  readonly #waiters = new Set<{ readonly left: Set<T>; readonly resolve: () => void }>();

  get size(): number {
    return this.#pending.size;
  }

  expect(item: T): void {
    this.#pending.add(item);
  }

  /** It has answered, or is no longer asked. */
  answered(item: T): void {
    if (!this.#pending.delete(item)) return;
    for (const waiter of this.#waiters) {
      waiter.left.delete(item);
      if (waiter.left.size === 0) this.#settle(waiter);
    }
  }

  /** Resolves when everything pending now has answered; what comes later does not hold it up. */
  done(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.add({ left: new Set(this.#pending), resolve });
    });
  }

  /** Nobody waits any longer. */
  abandon(): void {
    for (const waiter of this.#waiters) this.#settle(waiter);
  }

  #settle(waiter: { readonly resolve: () => void } & { readonly left: Set<T> }): void {
    this.#waiters.delete(waiter);
    waiter.resolve();
  }
}
