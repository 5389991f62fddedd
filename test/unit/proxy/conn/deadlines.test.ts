import { describe, expect, it } from 'vitest';
import { Deadline, Deadlines } from '../../../../proxy/conn/deadlines.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { seededRng } from '../../../support/seeded-rng.ts';

function setUp(): {
  clock: FakeClock;
  deadlines: Deadlines;
  expired: string[];
  named: (name: string) => Deadline;
} {
  const clock = new FakeClock();
  const expired: string[] = [];
  const named = (name: string): Deadline => new Deadline(() => expired.push(`${name}@${clock.now()}`));
  return { clock, deadlines: new Deadlines(clock), expired, named };
}

/** When a record of `expired` says that it happened. */
function timeOf(record: string | undefined): number {
  return Number(record?.split('@')[1]);
}

describe('Deadlines', () => {
  it('expires once, not early and at most three ticks late', () => {
    const { clock, deadlines, expired, named } = setUp();
    for (const ms of [1, 49, 50, 99, 1_000, 60_000]) deadlines.set(named(String(ms)), ms);
    clock.advance(200_000);
    expect(expired).toHaveLength(6);
    for (const record of expired) {
      const wanted = Number(record.split('@')[0]);
      expect(timeOf(record)).toBeGreaterThanOrEqual(wanted);
      expect(timeOf(record)).toBeLessThanOrEqual(wanted + 150);
    }
    expect(deadlines.size).toBe(0);
  });

  it('keeps its promise under random sets, moves and clears', () => {
    const { clock, deadlines } = setUp();
    const rng = seededRng(7);
    const due = new Map<Deadline, number>();
    const all = Array.from({ length: 50 }, () => {
      const deadline = new Deadline(() => {
        const at = due.get(deadline);
        expect(at).toBeDefined();
        expect(clock.now()).toBeGreaterThanOrEqual(at ?? 0);
        expect(clock.now()).toBeLessThanOrEqual((at ?? 0) + 150);
        due.delete(deadline);
      });
      return deadline;
    });
    for (let step = 0; step < 5_000; step++) {
      const deadline = all[Math.floor(rng() * all.length)]!;
      if (rng() < 0.2) {
        deadlines.clear(deadline);
        due.delete(deadline);
      } else {
        const ms = Math.floor(rng() * 40_000);
        deadlines.set(deadline, ms);
        // Counted from the last tick, which is up to a tick ago.
        due.set(deadline, deadlines.coarseNow + ms);
      }
      expect(deadlines.size).toBe(due.size);
      clock.advance(Math.floor(rng() * 120));
    }
    clock.advance(100_000);
    expect(due.size).toBe(0);
    expect(deadlines.size).toBe(0);
  });

  it('is put off by setting it again, and brought forward too', () => {
    const { clock, deadlines, expired, named } = setUp();
    const later = named('later');
    const sooner = named('sooner');
    deadlines.set(later, 100);
    deadlines.set(sooner, 10_000);
    clock.advance(60);
    deadlines.set(later, 5_000);
    deadlines.set(sooner, 100);
    clock.advance(1_000);
    expect(expired.map((record) => record.split('@')[0])).toEqual(['sooner']);
    clock.advance(10_000);
    expect(expired.map((record) => record.split('@')[0])).toEqual(['sooner', 'later']);
  });

  it('lets one that expires clear and set others that are due with it', () => {
    const { clock, deadlines, expired, named } = setUp();
    const cleared = named('cleared');
    const postponed = named('postponed');
    const first = new Deadline(() => {
      expired.push('first');
      deadlines.clear(cleared);
      deadlines.set(postponed, 1_000);
    });
    deadlines.set(cleared, 100);
    deadlines.set(postponed, 100);
    deadlines.set(first, 100);
    clock.advance(900);
    // Whichever of the three the wheel holds first goes first; here that is the one that was set last.
    expect(expired).toEqual(['first']);
    clock.advance(1_000);
    expect(expired.map((record) => record.split('@')[0])).toEqual(['first', 'postponed']);
    expect(deadlines.size).toBe(0);
  });

  it('sets no timer while no deadline is set', () => {
    const { clock, deadlines, named } = setUp();
    expect(clock.pendingTimers).toBe(0);
    const deadline = named('x');
    deadlines.set(deadline, 10_000);
    expect(clock.pendingTimers).toBe(1);
    deadlines.clear(deadline);
    clock.advance(1_000);
    expect(clock.pendingTimers).toBe(0);
    deadlines.set(deadline, 100);
    clock.advance(1_000);
    expect(deadlines.size).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });
});
