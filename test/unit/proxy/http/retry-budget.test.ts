import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RetryBudget } from '../../../../proxy/http/retry-budget.ts';

function spend(budget: RetryBudget, nowMs: number, most = 1_000): number {
  let spent = 0;
  while (spent < most && budget.tryRetry(nowMs)) spent += 1;
  return spent;
}

describe('RetryBudget', () => {
  it('allows a share of the requests of the last 10 s', () => {
    const budget = new RetryBudget({ percent: 20, minPerSecond: 0 });
    for (let i = 0; i < 100; i++) budget.countRequest(5_000 + i);
    expect(spend(budget, 6_000)).toBe(20);
    expect(spend(budget, 14_000)).toBe(0);
    for (let i = 0; i < 10; i++) budget.countRequest(16_500);
    expect(spend(budget, 16_500)).toBe(2);
  });

  it('allows a few a second whatever the load', () => {
    const budget = new RetryBudget({ percent: 0, minPerSecond: 2 });
    expect(spend(budget, 1_000)).toBe(20);
    expect(spend(budget, 10_900)).toBe(0);
    expect(spend(budget, 11_000)).toBe(20);
  });

  it('forgets everything after a pause longer than its window', () => {
    const budget = new RetryBudget({ percent: 50, minPerSecond: 0 });
    for (let i = 0; i < 100; i++) budget.countRequest(0);
    expect(spend(budget, 1_000_000)).toBe(0);
  });

  it('forgets nothing for a request that began earlier and is only known now', () => {
    const budget = new RetryBudget({ percent: 0, minPerSecond: 1 });
    expect(spend(budget, 20_000)).toBe(10);
    budget.countRequest(17_500);
    expect(spend(budget, 20_500)).toBe(0);
  });

  it('keeps what was spent when its figures change', () => {
    const budget = new RetryBudget({ percent: 0, minPerSecond: 1 });
    expect(spend(budget, 1_000)).toBe(10);
    budget.update({ percent: 0, minPerSecond: 2 });
    expect(spend(budget, 1_000)).toBe(10);
  });

  it('never lets the retries of any 10 s exceed the share of the requests', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ afterMs: fc.nat(3_000), isRetry: fc.boolean() }), { maxLength: 300 }),
        (events) => {
          const budget = new RetryBudget({ percent: 20, minPerSecond: 1 });
          let now = 0;
          const requests: number[] = [];
          const retries: number[] = [];
          for (const { afterMs, isRetry } of events) {
            now += afterMs;
            if (!isRetry) {
              budget.countRequest(now);
              requests.push(now);
            } else if (budget.tryRetry(now)) retries.push(now);
            const within = (times: number[]) => times.filter((at) => at > now - 9_000).length;
            const possible = requests.filter((at) => at > now - 20_000).length;
            expect(within(retries)).toBeLessThanOrEqual(possible * 0.2 + 10);
          }
        },
      ),
      { numRuns: 50, seed: 7 },
    );
  });
});
