import { describe, expect, it } from 'vitest';
import { Deadlines } from '../../../../proxy/conn/deadlines.ts';
import type { LimitReached } from '../../../../proxy/http/exchange-limits.ts';
import { ExchangeTimer } from '../../../../proxy/http/exchange-timer.ts';
import type { RouteTarget } from '../../../../proxy/http/route-target.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

/** A deadline may be this late. */
const LATE_MS = 150;
const TARGET = { requestMs: 4_000, idleMs: 1_000 } as RouteTarget;

function start() {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const reached: LimitReached[] = [];
  const timer: ExchangeTimer = new ExchangeTimer({ deadlines, clock }, () => {
    const limit = timer.reached();
    if (limit !== undefined) reached.push(limit);
  });
  return { clock, deadlines, reached, timer };
}

describe('ExchangeTimer', () => {
  it('sets no deadline where no limit binds', () => {
    const { deadlines, timer } = start();
    timer.arm(0);
    expect(deadlines.size).toBe(0);
  });

  it('tells of a limit once it is reached, and no earlier', () => {
    const { clock, reached, timer } = start();
    timer.limits.requestBegins(TARGET, clock.now());
    timer.arm(clock.now());
    clock.advance(3_999);
    expect(reached).toEqual([]);
    clock.advance(1 + LATE_MS);
    expect(reached).toEqual(['request']);
  });

  it('goes on by itself to the next limit when the one it was set by was put off', () => {
    const { clock, reached, timer } = start();
    timer.limits.requestBegins(TARGET, clock.now());
    timer.moved(TARGET);
    for (let moves = 0; moves < 3; moves += 1) {
      clock.advance(900);
      timer.limits.moved(TARGET, clock.now());
    }
    expect(reached).toEqual([]);
    clock.advance(1_000 + 2 * LATE_MS);
    expect(reached).toEqual(['stall']);
  });

  it('comes in good time for a body that begins to move under a deadline that is far off', () => {
    const { clock, reached, timer } = start();
    timer.limits.requestBegins({ ...TARGET, requestMs: 3_600_000 }, clock.now());
    timer.arm(clock.now());
    timer.moved(TARGET);
    clock.advance(1_000 + LATE_MS);
    expect(reached).toEqual(['stall']);
  });

  it('is still once it is stopped', () => {
    const { clock, deadlines, reached, timer } = start();
    timer.moved(TARGET);
    expect(deadlines.size).toBe(1);
    timer.stop();
    clock.advance(10_000);
    expect(deadlines.size).toBe(0);
    expect(reached).toEqual([]);
  });
});
