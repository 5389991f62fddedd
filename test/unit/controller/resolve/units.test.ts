import { describe, expect, it } from 'vitest';
import { durationMs, quantityBytes } from '../../../../controller/resolve/units.ts';
import { parseWeight } from '../../../../controller/resolve/weights.ts';

describe('units', () => {
  it.each([
    ['1ms', 1],
    ['250ms', 250],
    ['1s', 1_000],
    ['1m30s', 90_000],
    ['1h1m1s1ms', 3_661_001],
    ['00010s', 10_000],
  ])('%s is %i ms', (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });

  it.each([
    [1024, 1024],
    ['512', 512],
    ['10k', 10_000],
    ['10Ki', 10_240],
    ['10M', 10_000_000],
    ['10Mi', 10_485_760],
    ['1G', 1_000_000_000],
    ['2Gi', 2_147_483_648],
  ])('%s is %i bytes', (quantity, bytes) => {
    expect(quantityBytes(quantity)).toBe(bytes);
  });

  it.each([
    ['0', 0],
    ['7', 7],
    ['1000000', 1_000_000],
    ['1000001', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['07', undefined],
    ['', undefined],
    [' 1', undefined],
  ])('weight %j is %j', (text, weight) => {
    expect(parseWeight(text)).toBe(weight);
  });
});
