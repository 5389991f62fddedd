import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Algorithm } from '../../../../api/snapshot.ts';
import { mix32 } from '../../../../proxy/balancer/mix.ts';
import { DOWN, UpstreamFixture, endpoints } from '../../../support/upstreams.ts';

const WEIGHTED: readonly Algorithm[] = [
  'WeightedRoundRobin',
  'LeastConnections',
  'PowerOfTwoChoices',
  'Random',
  'LeastLatency',
  'SourceIPHash',
  'ConsistentHash',
];

/** Share of each endpoint, by number, over many requests with different keys that end at once. */
function shares(fixture: UpstreamFixture, count = 100_000): Map<number | string, number> {
  const counts = new Map<number | string, number>();
  for (let i = 0; i < count; i++) {
    const picked = fixture.pick({ hashKey: mix32(i) });
    counts.set(picked, (counts.get(picked) ?? 0) + 1);
  }
  return new Map([...counts].map(([number, times]) => [number, times / count]));
}

function expectShares(fixture: UpstreamFixture, weights: readonly number[]): void {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const found = shares(fixture);
  const withWeight = weights.flatMap((weight, index) => (weight > 0 ? [index + 1] : []));
  for (const number of found.keys()) expect(withWeight).toContain(number);
  for (const [index, weight] of weights.entries()) {
    const share = found.get(index + 1) ?? 0;
    expect(Math.abs(share - weight / total), `weight ${weight}: ${share}`).toBeLessThan(0.01);
  }
}

// D08
describe.each(WEIGHTED)('%s', (algorithm) => {
  it('gives each endpoint its share within 1 % over 100,000 requests, and one of weight 0 nothing', () => {
    expectShares(new UpstreamFixture(endpoints(100, 10, 1, 0), { algorithm }), [100, 10, 1, 0]);
  });

  it('holds very large and very unequal weights', () => {
    const weights = [1_000_000, 999_999, 31_337, 1];
    expectShares(new UpstreamFixture(endpoints(...weights), { algorithm }), weights);
  });

  it('keeps the ratio of the others while one is down', () => {
    const fixture = new UpstreamFixture(endpoints(1, 2, 3), { algorithm });
    fixture.setFlags(fixture.upstream.endpoints[0]!, DOWN);
    expectShares(fixture, [0, 2, 3]);
  });

  it('has no endpoint to offer when all weights are 0', () => {
    const fixture = new UpstreamFixture(endpoints(0, 0), { algorithm });
    expect(fixture.pick()).toBe('none-eligible');
    expect(fixture.upstream.eligible).toBe(0);
  });
});

describe.each(WEIGHTED.filter((algorithm) => !algorithm.endsWith('Hash')))('%s', (algorithm) => {
  // D15
  it('gives an endpoint that starts slowly its part of the share', () => {
    const fixture = new UpstreamFixture(endpoints(1, 1, 1), { algorithm });
    fixture.setWeightPercent(fixture.upstream.endpoints[1]!, 10);
    expectShares(fixture, [100, 10, 100]);
  });
});

describe('WeightedRoundRobin', () => {
  const algorithm = 'WeightedRoundRobin';

  it('spreads the turns of each endpoint evenly', () => {
    const fixture = new UpstreamFixture(endpoints(5, 1, 1), { algorithm });
    expect(fixture.picks(14)).toEqual([1, 1, 2, 1, 3, 1, 1, 1, 1, 2, 1, 3, 1, 1]);
  });

  it('goes in order when all weights are the same', () => {
    const fixture = new UpstreamFixture(endpoints(7, 7, 7), { algorithm });
    expect(fixture.picks(5)).toEqual([1, 2, 3, 1, 2]);
  });

  it('never lets an endpoint wait longer than three of its turns, nor run longer than its ratio demands', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(weights, (weights) => {
        const fixture = new UpstreamFixture(endpoints(...weights), { algorithm });
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const count = 2_000;
        const picks = fixture.picks(count);
        for (const [index, weight] of weights.entries()) {
          const share = weight / total;
          const gaps = gapsOf(picks, index + 1);
          for (const gap of gaps) expect(gap * share).toBeLessThan(3);
          const rest = 1 - share;
          for (const run of runsOf(picks, index + 1)) expect(run * rest).toBeLessThan(3);
        }
      }),
      { numRuns: 30, seed: 7 },
    );
  });
});

/** Turns from each pick of the endpoint to its next, from the start and to the end included. */
function gapsOf(picks: readonly (number | string)[], endpoint: number): number[] {
  const at = picks.flatMap((picked, index) => (picked === endpoint ? [index] : []));
  return [...at, picks.length].map((index, i) => index - (at[i - 1] ?? 0));
}

/** Lengths of the stretches in which only this endpoint is picked. */
function runsOf(picks: readonly (number | string)[], endpoint: number): number[] {
  const runs: number[] = [];
  let run = 0;
  for (const picked of picks) {
    if (picked === endpoint) run++;
    else if (run > 0) {
      runs.push(run);
      run = 0;
    }
  }
  return runs;
}
