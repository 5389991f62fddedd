import { describe, expect, it } from 'vitest';
import { runChaos } from '../../support/chaos/chaos-run.ts';

describe('a proxy under chaos', () => {
  // The short form of `make soak`; CATALOGUE D01-D03, R5, K12.
  it('fails no idempotent request and repeats no POST while backends die, hang, drain and change', async () => {
    const result = await runChaos({ total: 20_000, perSecond: 1_000, slowMs: 200, seed: 1 });
    expect(result.failedIdempotent).toEqual([]);
    expect(result.duplicatedPosts).toEqual([]);
    expect(result.sent).toBe(20_000);
    expect(Object.keys(result.faults).sort()).toEqual(['drain', 'hang', 'kill', 'remove', 'weight']);
  }, 120_000);
});
