const WINDOW_S = 10;

/**
 * How many requests that were sent may be repeated: a share of the requests of the last 10 s, and a few a second
 * besides, so that a quiet pool can retry at all. Keeps an outage from doubling its own load.
 */
export class RetryBudget {
  #percent: number;
  #minPerSecond: number;
  /** Of each of the last seconds, by second modulo the window; the present one is still counting. */
  readonly #requests = new Float64Array(WINDOW_S);
  readonly #retries = new Float64Array(WINDOW_S);
  #second = 0;

  constructor(config: { readonly percent: number; readonly minPerSecond: number }) {
    this.#percent = config.percent;
    this.#minPerSecond = config.minPerSecond;
  }

  /** Takes other figures; what was counted stays. */
  update(config: { readonly percent: number; readonly minPerSecond: number }): void {
    this.#percent = config.percent;
    this.#minPerSecond = config.minPerSecond;
  }

  /** @param nowMs `Clock.now()` */
  countRequest(nowMs: number): void {
    this.#turnTo(nowMs);
    this.#requests[this.#second % WINDOW_S]! += 1;
  }

  /** Takes one retry out of the budget; false: it is used up. */
  tryRetry(nowMs: number): boolean {
    this.#turnTo(nowMs);
    const allowed = (sum(this.#requests) * this.#percent) / 100 + this.#minPerSecond * WINDOW_S;
    if (sum(this.#retries) + 1 > allowed) return false;
    this.#retries[this.#second % WINDOW_S]! += 1;
    return true;
  }

  #turnTo(nowMs: number): void {
    const second = Math.floor(nowMs / 1_000);
    // A request whose body had to be read first is counted late: with those of now.
    if (second <= this.#second) return;
    const passed = Math.min(second - this.#second, WINDOW_S);
    for (let i = 0; i < passed; i++) {
      this.#requests[(second - i) % WINDOW_S] = 0;
      this.#retries[(second - i) % WINDOW_S] = 0;
    }
    this.#second = second;
  }
}

function sum(counts: Float64Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
