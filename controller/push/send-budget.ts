/**
 * How many bytes may be on their way to all proxies together. The stream library copies what it is given and says
 * nothing about a slow peer, so only acknowledgements free what was taken.
 */
export class SendBudget {
  readonly #maxBytes: number;
  readonly #waiting = new Set<() => void>();
  #used = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** False: `whenFree` is called once, when it is worth asking again. A message always fits an empty budget. */
  take(bytes: number, whenFree: () => void): boolean {
    if (this.#used > 0 && this.#used + bytes > this.#maxBytes) {
      this.#waiting.add(whenFree);
      return false;
    }
    this.#used += bytes;
    return true;
  }

  free(bytes: number, nobody?: () => void): void {
    this.#used -= bytes;
    if (nobody !== undefined) this.#waiting.delete(nobody);
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const ask of waiting) ask();
  }

  get usedBytes(): number {
    return this.#used;
  }
}
