import { describe, expect, it } from 'vitest';
import { runChaos } from '../support/chaos/chaos-run.ts';

describe('a proxy under chaos, long', () => {
  it('fails none of a million requests that may be repeated, and repeats no POST', async () => {
    const result = await runChaos({ total: 1_000_000, perSecond: 1_500, slowMs: 500, seed: 7 });
    const { failedIdempotent, duplicatedPosts, ...counts } = result;
    process.stdout.write(`${JSON.stringify(counts)}\n`);
    expect(failedIdempotent).toEqual([]);
    expect(duplicatedPosts).toEqual([]);
  }, 3_600_000);
});
