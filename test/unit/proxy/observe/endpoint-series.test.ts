import { describe, expect, it } from 'vitest';
import { endpointSeries, type EndpointSample } from '../../../../proxy/observe/endpoint-series.ts';

function pool(name: string, createdAt: number, size: number) {
  const read = (): EndpointSample[] =>
    Array.from({ length: size }, (_, index) => ({
      pool: name,
      backend: 'v1',
      endpoint: `10.0.0.${index}:80`,
      ended: 0,
      failed: 0,
      inFlight: 0,
    }));
  return { createdAt, size, read };
}

describe('series of endpoints', () => {
  const pools = [pool('young', 3, 2), pool('old', 1, 3), pool('large', 2, 50)];

  it.each([
    [100, ['large', 'old', 'young'], 0],
    [10, ['old', 'young'], 50],
    [4, ['old'], 52],
    [0, [], 55],
  ])('with room for %d are those of %j, whole and the oldest first', (max, names, left) => {
    const series = endpointSeries(pools, max);
    expect([...new Set(series.samples.map(({ pool }) => pool))].sort()).toEqual(names);
    expect(series.left).toBe(left);
    expect(series.samples.length).toBeLessThanOrEqual(max);
  });
});
