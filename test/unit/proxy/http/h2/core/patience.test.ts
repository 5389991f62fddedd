import { describe, expect, it } from 'vitest';
import { Patience } from '../../../../../../proxy/http/h2/core/patience.ts';
import { FakeClock } from '../../../../../support/fake-clock.ts';

/** Of a PING, head and all. */
const PING_BYTES = 17;

describe('patience with an HTTP/2 connection', () => {
  const resets = (patience: Patience, count: number): boolean =>
    Array.from({ length: count }, () => patience.reset()).every(Boolean);

  // E01
  it('bears a hundred resets at once, and a few more each second', () => {
    const clock = new FakeClock();
    const patience = new Patience(clock);
    expect(resets(patience, 100)).toBe(true);
    expect(patience.reset()).toBe(false);
    const later = new Patience(clock);
    resets(later, 100);
    clock.advance(1_000);
    expect(resets(later, 20)).toBe(true);
    expect(later.reset()).toBe(false);
  });

  it('bears one more for each stream that ends well, and saves none up', () => {
    const patience = new Patience(new FakeClock());
    for (let i = 0; i < 1_000; i++) {
      patience.completed();
      expect(patience.reset()).toBe(true);
    }
    for (let i = 0; i < 1_000; i++) patience.completed();
    expect(resets(patience, 100)).toBe(true);
    expect(patience.reset()).toBe(false);
  });

  // E07
  it('bears 32 KiB that are of no use, and 1 KiB more each second', () => {
    const clock = new FakeClock();
    expect(new Patience(clock).waste(32_769)).toBe(false);
    const patience = new Patience(clock);
    expect(patience.waste(32_768)).toBe(true);
    clock.advance(1_000);
    expect(patience.waste(1_024)).toBe(true);
    expect(patience.waste(1)).toBe(false);
  });

  // E07
  it('bears some hundred PINGs at once', () => {
    const patience = new Patience(new FakeClock());
    let count = 0;
    while (patience.frame(PING_BYTES)) count += 1;
    expect(count).toBe(668);
  });

  // E19
  it('bears a PING every ten seconds for ever', () => {
    const clock = new FakeClock();
    const patience = new Patience(clock);
    for (let i = 1; i <= 10_000; i++) {
      clock.advance(10_000);
      expect(patience.frame(PING_BYTES)).toBe(true);
    }
  });

  it('bears that a client tells of each 128 bytes that it got, perhaps later', () => {
    const patience = new Patience(new FakeClock());
    for (let i = 0; i < 64; i++) patience.content(16_384);
    for (let i = 0; i < (64 * 16_384) / 128; i++) {
      expect(patience.frame(13)).toBe(true);
      expect(patience.frame(13)).toBe(true);
    }
  });

  it('bears a PRIORITY, a PING and a WINDOW_UPDATE for each request', () => {
    const patience = new Patience(new FakeClock());
    for (let i = 0; i < 10_000; i++) {
      patience.request();
      expect([patience.frame(14), patience.frame(17), patience.frame(13)]).toEqual([true, true, true]);
    }
  });

  it('forgets what was earned beyond a bound', () => {
    const patience = new Patience(new FakeClock());
    for (let i = 0; i < 100_000; i++) patience.content(16_384);
    expect(patience.waste(1_048_576 + 16_384 * 2)).toBe(false);
  });
});
