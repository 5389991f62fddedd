import type { Bucket, RateTable } from '../routing/rate-table.ts';

const WINDOW_S = 10;

interface BudgetConfig {
  readonly percent: number;
  readonly minPerSecond: number;
}

/**
 * How many requests that were sent may be repeated: a share of the requests of the last 10 s, and a few a second
 * besides, so that a quiet pool can retry at all. Keeps an outage from doubling its own load.
 *
 * Each thread spends the share of its own requests, which add up to the share of all; the few a second, of which those
 * of 10 s can be saved up, come out of one bucket for the whole proxy.
 */
export class RetryBudget {
  readonly #poolUid: string;
  readonly #table: Pick<RateTable, 'take'>;
  #percent = 0;
  /** Undefined: none but the share. */
  #few: Bucket | undefined;
  /** Of each of the last seconds, by second modulo the window; the present one is still counting. */
  readonly #requests = new Float64Array(WINDOW_S);
  /** Those that were paid out of the share. */
  readonly #retries = new Float64Array(WINDOW_S);
  #second = 0;

  constructor(poolUid: string, config: BudgetConfig, table: Pick<RateTable, 'take'>) {
    this.#poolUid = poolUid;
    this.#table = table;
    this.update(config);
  }

  /** Takes other figures; what was counted stays. */
  update({ percent, minPerSecond }: BudgetConfig): void {
    this.#percent = percent;
    this.#few =
      minPerSecond === 0
        ? undefined
        : { scope: 'retries', intervalUs: 1e6 / minPerSecond, burst: minPerSecond * WINDOW_S };
  }

  /** @param nowMs `Clock.now()` */
  countRequest(nowMs: number): void {
    this.#turnTo(nowMs);
    this.#requests[this.#second % WINDOW_S]! += 1;
  }

  /** Takes one retry out of the budget; false: it is used up. */
  tryRetry(nowMs: number): boolean {
    this.#turnTo(nowMs);
    const share = (sum(this.#requests) * this.#percent) / 100;
    if (sum(this.#retries) + 1 > share)
      return this.#few !== undefined && this.#table.take(this.#few, this.#poolUid) === 0;
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
