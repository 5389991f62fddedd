import { describe, expect, it } from 'vitest';
import { Patience } from '../../../../../proxy/http/h2/patience.ts';

describe('patience with an HTTP/2 connection', () => {
  const resets = (patience: Patience, count: number): boolean =>
    Array.from({ length: count }, () => patience.reset()).every(Boolean);

  // E01
  it('bears a hundred resets at once, and a few more each second', () => {
    const patience = new Patience(0);
    expect(resets(patience, 100)).toBe(true);
    expect(patience.reset()).toBe(false);
    const later = new Patience(0);
    resets(later, 100);
    later.check(0, 1_000);
    expect(resets(later, 20)).toBe(true);
    expect(later.reset()).toBe(false);
  });

  it('bears one more for each stream that ends well, and saves none up', () => {
    const patience = new Patience(0);
    for (let i = 0; i < 1_000; i++) {
      patience.completed();
      expect(patience.reset()).toBe(true);
    }
    for (let i = 0; i < 1_000; i++) patience.completed();
    expect(resets(patience, 100)).toBe(true);
    expect(patience.reset()).toBe(false);
  });

  // E07
  it('bears 32 KiB that belong to nothing, and 1 KiB more each second', () => {
    expect(new Patience(0).check(32_768, 0)).toBe(true);
    expect(new Patience(0).check(32_769, 0)).toBe(false);
    const patience = new Patience(0);
    expect(patience.check(32_768, 0)).toBe(true);
    expect(patience.check(32_768 + 1_024, 1_000)).toBe(true);
    expect(patience.check(32_768 + 1_024 + 1, 1_000)).toBe(false);
  });

  // E19
  it('bears a PING every ten seconds for ever', () => {
    const patience = new Patience(0);
    for (let i = 1; i <= 10_000; i++) expect(patience.check(i * 17, i * 10_000)).toBe(true);
  });

  it('bears requests and bodies in any number', () => {
    const patience = new Patience(0);
    let bytes = 0;
    for (let i = 0; i < 10_000; i++) {
      patience.received(100);
      patience.moved(16_384);
      bytes += 100 + 9 + 16_384 + 9;
      expect(patience.check(bytes, i)).toBe(true);
    }
  });

  it('bears that a client tells of what it got, perhaps later', () => {
    const patience = new Patience(0);
    for (let i = 0; i < 640; i++) patience.moved(16_384);
    expect(patience.check(0, 0)).toBe(true);
    expect(patience.check(640 * 26, 0)).toBe(true);
  });

  it('forgets what was earned beyond a bound', () => {
    const patience = new Patience(0);
    for (let i = 0; i < 100_000; i++) patience.moved(16_384);
    expect(patience.check(0, 0)).toBe(true);
    expect(patience.check(1_048_577, 0)).toBe(false);
  });
});
