import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { RetryBudget } from '../../../../proxy/http/retry-budget.ts';
import { RateTable } from '../../../../proxy/routing/rate-table.ts';

let nowMs = 0;

/** As one thread has it. */
function budgetOf(
  config: { percent: number; minPerSecond: number },
  table = new RateTable(() => nowMs * 1_000, { seed: 1 }),
): RetryBudget {
  return new RetryBudget('uid-1', config, table);
}

function spend(budget: RetryBudget, atMs: number, most = 1_000): number {
  nowMs = atMs;
  let spent = 0;
  while (spent < most && budget.tryRetry(nowMs)) spent += 1;
  return spent;
}

describe('RetryBudget', () => {
  beforeEach(() => {
    nowMs = 0;
  });

  it('allows a share of the requests of the last 10 s', () => {
    const budget = budgetOf({ percent: 20, minPerSecond: 0 });
    for (let i = 0; i < 100; i++) budget.countRequest(5_000 + i);
    expect(spend(budget, 6_000)).toBe(20);
    expect(spend(budget, 14_000)).toBe(0);
    for (let i = 0; i < 10; i++) budget.countRequest(16_500);
    expect(spend(budget, 16_500)).toBe(2);
  });

  it('allows a few a second whatever the load', () => {
    const budget = budgetOf({ percent: 0, minPerSecond: 2 });
    expect(spend(budget, 1_000)).toBe(20);
    expect(spend(budget, 1_400)).toBe(0);
    expect(spend(budget, 4_000)).toBe(6);
    expect(spend(budget, 60_000)).toBe(20);
  });

  it('allows those few to the whole proxy, not to each thread and port', () => {
    const table = new RateTable(() => nowMs * 1_000, { seed: 1 });
    const config = { percent: 0, minPerSecond: 2 };
    const budgets = [1, 2, 3, 4].map(() =>
      budgetOf(config, new RateTable(() => nowMs * 1_000, table.buffer)),
    );
    expect(budgets.reduce((sum, budget) => sum + spend(budget, 1_000), 0)).toBe(20);
  });

  it('forgets everything after a pause longer than its window', () => {
    const budget = budgetOf({ percent: 50, minPerSecond: 0 });
    for (let i = 0; i < 100; i++) budget.countRequest(0);
    expect(spend(budget, 1_000_000)).toBe(0);
  });

  it('forgets nothing for a request that began earlier and is only known now', () => {
    const budget = budgetOf({ percent: 50, minPerSecond: 0 });
    for (let i = 0; i < 19; i++) budget.countRequest(20_000);
    budget.countRequest(17_500);
    expect(spend(budget, 20_500)).toBe(10);
  });

  it('keeps what was spent when its figures change', () => {
    const budget = budgetOf({ percent: 10, minPerSecond: 0 });
    for (let i = 0; i < 100; i++) budget.countRequest(1_000);
    expect(spend(budget, 1_000)).toBe(10);
    budget.update({ percent: 20, minPerSecond: 0 });
    expect(spend(budget, 1_000)).toBe(10);
  });

  it('never lets the retries of any 10 s exceed the share of the requests', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ afterMs: fc.nat(3_000), isRetry: fc.boolean() }), { maxLength: 300 }),
        (events) => {
          nowMs = 0;
          let now = 0;
          const budget = budgetOf({ percent: 20, minPerSecond: 1 });
          const requests: number[] = [];
          const retries: number[] = [];
          for (const { afterMs, isRetry } of events) {
            now += afterMs;
            nowMs = now;
            if (!isRetry) {
              budget.countRequest(now);
              requests.push(now);
            } else if (budget.tryRetry(now)) retries.push(now);
            const within = (times: number[]) => times.filter((at) => at > now - 9_000).length;
            const possible = requests.filter((at) => at > now - 20_000).length;
            // Besides the share: what 10 s save up, and what the 9 s bring.
            expect(within(retries)).toBeLessThanOrEqual(possible * 0.2 + 10 + 9);
          }
        },
      ),
      { numRuns: 50, seed: 7 },
    );
  });
});
