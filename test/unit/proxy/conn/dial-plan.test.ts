import { describe, expect, it } from 'vitest';
import { afterFailedTry, furtherConnects, hedges } from '../../../../proxy/conn/dial-plan.ts';
import { resilience } from '../../../support/builders.ts';

const limits = { connectMs: 1_000, hedgeDelayMs: 250, retries: 1 };

describe('afterFailedTry', () => {
  it.each([
    { name: 'a first failure', pending: 0, failures: 1, step: 'try-next' },
    { name: 'a first failure beside a slow try', pending: 1, failures: 1, step: 'try-next' },
    { name: 'the last failure beside a slow try', pending: 1, failures: 2, step: 'wait' },
    { name: 'the last failure', pending: 0, failures: 2, step: 'give-up' },
  ])('after $name: $step', ({ pending, failures, step }) => {
    expect(afterFailedTry({ pending, failures, hedged: false }, limits)).toBe(step);
  });

  it('gives up at once when no retry is allowed', () => {
    const progress = { pending: 0, failures: 1, hedged: false };
    expect(afterFailedTry(progress, { ...limits, retries: 0 })).toBe('give-up');
  });
});

describe('hedges', () => {
  it('tries a second endpoint beside a slow one, once', () => {
    expect(hedges({ pending: 1, failures: 0, hedged: false })).toBe(true);
    expect(hedges({ pending: 1, failures: 0, hedged: true })).toBe(false);
    expect(hedges({ pending: 2, failures: 1, hedged: false })).toBe(false);
    expect(hedges({ pending: 0, failures: 1, hedged: false })).toBe(false);
  });
});

describe('furtherConnects', () => {
  const { retries } = resilience();

  it('are as many as the attempts that are left, where connect failures are retried', () => {
    expect(furtherConnects(0, { ...retries, attempts: 2 })).toBe(2);
    expect(furtherConnects(2, { ...retries, attempts: 2 })).toBe(0);
    expect(furtherConnects(0, { ...retries, retryOn: ['Timeout'] })).toBeUndefined();
    expect(furtherConnects(0, { ...retries, attempts: 0 })).toBeUndefined();
  });
});
