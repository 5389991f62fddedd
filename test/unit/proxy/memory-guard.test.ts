import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { MemoryGuard } from '../../../proxy/memory-guard.ts';
import { FakeClock } from '../../support/fake-clock.ts';

describe('MemoryGuard', () => {
  function guarded() {
    const clock = new FakeClock();
    const memory = { limitBytes: 1_000, used: 0, usedBytes: () => memory.used };
    const said: boolean[] = [];
    const guard = new MemoryGuard(memory, { clock, log: pino({ enabled: false }) }, (value) =>
      said.push(value),
    );
    const use = (bytes: number): boolean[] => {
      memory.used = bytes;
      clock.advance(100);
      return said;
    };
    return { guard, clock, use };
  }

  // F13
  it('sheds from 95 % of the limit on, and takes work again below 90 %', () => {
    const { use } = guarded();
    expect(use(949)).toEqual([]);
    expect(use(950)).toEqual([true]);
    expect(use(2_000)).toEqual([true]);
    expect(use(900)).toEqual([true]);
    expect(use(899)).toEqual([true, false]);
    expect(use(949)).toEqual([true, false]);
  });

  it('looks no more once it is closed', () => {
    const { guard, clock } = guarded();
    guard.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
