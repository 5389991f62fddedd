export interface Rate {
  /** In the long run. */
  readonly perSecond: number;
  /** How many may come at once after a quiet time; it begins with them. */
  readonly burst: number;
}

/** So much of something a second, with bursts: tokens come by the clock, are kept up to a bound, and are spent. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #filledAt: number;

  /** @param now monotonic milliseconds, here and below */
  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledAt = now;
  }

  /** From one token to the next; milliseconds. */
  get intervalMs(): number {
    return 1_000 / this.#rate.perSecond;
  }

  /** Is there a token to be had? */
  has(now: number): boolean {
    this.#fill(now);
    return this.#tokens >= 1;
  }

  /** Takes one that is there. */
  take(): void {
    this.#tokens -= 1;
  }

  #fill(now: number): void {
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) / 1_000) * perSecond);
    this.#filledAt = now;
  }
}
