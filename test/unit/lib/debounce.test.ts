import { beforeEach, describe, expect, it } from 'vitest';
import { debounce, type Debounced } from '../../../lib/debounce.ts';
import { FakeClock } from '../../support/fake-clock.ts';

describe('debounce', () => {
  let clock: FakeClock;
  let runs: number[];
  let debounced: Debounced;

  beforeEach(() => {
    clock = new FakeClock();
    runs = [];
    const began = clock.now();
    const run = (): unknown => runs.push(clock.now() - began);
    debounced = debounce({ run, quietMs: 20, maxMs: 100, clock });
  });

  it('runs once, when calls have ceased', () => {
    for (let i = 0; i < 3; i += 1) {
      debounced.call();
      clock.advance(15);
    }
    expect(runs).toEqual([]);
    clock.advance(1_000);
    expect(runs).toEqual([50]);
  });

  it('runs now and then while calls never cease', () => {
    for (let i = 0; i < 30; i += 1) {
      debounced.call();
      clock.advance(10);
    }
    expect(runs).toEqual([100, 200, 300]);
  });

  it('does not run when it is cancelled', () => {
    debounced.call();
    debounced.cancel();
    clock.advance(1_000);
    expect(runs).toEqual([]);
  });
});
