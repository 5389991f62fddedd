import { describe, expect, it } from 'vitest';
import type { Algorithm } from '../../../../api/snapshot.ts';
import { UpstreamFixture, endpoints } from '../../../support/upstreams.ts';
import type { PickInput } from '../../../support/threads/pick.ts';
import { runThreads } from '../../../support/threads/run.ts';

const THREADS = 3;

/** In flight of each endpoint after several threads have picked at once and released nothing. */
async function inFlightAfter(
  algorithm: Algorithm,
  weights: readonly number[],
  picks: number,
): Promise<number[]> {
  const fixture = new UpstreamFixture(endpoints(...weights), { algorithm });
  const rows = Array.from({ length: THREADS }, (_, worker): PickInput => {
    const { buffer } = fixture.table;
    return { worker, buffer, upstream: fixture.upstream.slot, config: fixture.config, picks };
  });
  const picked = await runThreads<number[]>('pick.ts', rows);
  // Every thread took part.
  for (const slots of picked) expect(new Set(slots).size).toBe(weights.length);
  return fixture.upstream.endpoints.map(({ inFlight }) => inFlight);
}

describe('several threads that pick at once', () => {
  it('go through the endpoints in exactly one order with RoundRobin', async () => {
    expect(await inFlightAfter('RoundRobin', [1, 1, 1, 1, 1], 20_000)).toEqual(new Array(5).fill(12_000));
  });

  it('give each endpoint exactly its turns with WeightedRoundRobin', async () => {
    expect(await inFlightAfter('WeightedRoundRobin', [5, 3, 2], 20_000)).toEqual([30_000, 18_000, 12_000]);
  });

  it('keep all endpoints equally full with LeastConnections', async () => {
    const inFlight = await inFlightAfter('LeastConnections', [1, 1, 1, 1, 1, 1, 1], 5_000);
    expect(Math.max(...inFlight) - Math.min(...inFlight)).toBeLessThanOrEqual(1);
    expect(inFlight.reduce((sum, count) => sum + count)).toBe(15_000);
  });

  it('fill endpoints by weight with LeastConnections', async () => {
    const inFlight = await inFlightAfter('LeastConnections', [3, 1, 2], 2_000);
    for (const [index, weight] of [3, 1, 2].entries()) {
      expect(Math.abs(inFlight[index]! - weight * 1_000)).toBeLessThanOrEqual(weight);
    }
  });
});
