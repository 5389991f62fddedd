import { describe, expect, it } from 'vitest';
import { backoff } from '../../../lib/backoff.ts';
import { seededRng } from '../../support/seeded-rng.ts';

describe('backoff', () => {
  it('doubles up to the limit and starts over after a success', () => {
    const waits = backoff({ initialMs: 100, maxMs: 400 }, () => 0.999_999);
    expect([1, 2, 3, 4].map(() => Math.round(waits.next()))).toEqual([100, 200, 400, 400]);
    waits.reset();
    expect(Math.round(waits.next())).toBe(100);
  });

  it('draws each wait from the upper half of its step', () => {
    const rng = seededRng(1);
    for (let i = 0; i < 1_000; i += 1) {
      const wait = backoff({ initialMs: 100, maxMs: 1_000 }, rng).next();
      expect(wait).toBeGreaterThanOrEqual(50);
      expect(wait).toBeLessThan(100);
    }
  });
});
