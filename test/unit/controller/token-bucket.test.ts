import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../../controller/token-bucket.ts';

const takeAll = (bucket: TokenBucket, now: number): number => {
  let taken = 0;
  for (; bucket.has(now); taken += 1) bucket.take();
  return taken;
};

describe('TokenBucket', () => {
  it('begins with a burst, and goes on at its rate', () => {
    const bucket = new TokenBucket({ perSecond: 20, burst: 100 }, 5_000);
    expect(takeAll(bucket, 5_000)).toBe(100);
    expect(takeAll(bucket, 5_000 + bucket.intervalMs - 1)).toBe(0);
    expect(takeAll(bucket, 5_000 + bucket.intervalMs)).toBe(1);
    expect(takeAll(bucket, 6_050)).toBe(20);
  });

  it('keeps no more than a burst, however long nothing was taken', () => {
    const bucket = new TokenBucket({ perSecond: 20, burst: 3 }, 0);
    expect(takeAll(bucket, 3_600_000)).toBe(3);
  });

  it('loses nothing by being asked often', () => {
    const bucket = new TokenBucket({ perSecond: 1, burst: 1 }, 0);
    bucket.take();
    for (let now = 0; now < 1_000; now += 100) expect(bucket.has(now)).toBe(false);
    expect(bucket.has(1_001)).toBe(true);
  });
});
