import { describe, expect, it } from 'vitest';
import { joinRuns, runLength } from '../../../api/runs.ts';

const [a, b, c] = [{ id: 'a' }, { id: 'b' }, { id: 'c' }];

describe('runLength', () => {
  it('counts the same objects from two places on, up to a difference, an end or a limit', () => {
    expect(runLength([a, b, c], 0, [a, b, { id: 'c' }], 0)).toBe(2);
    expect(runLength([a, b, c], 1, [b, c], 0)).toBe(2);
    expect(runLength([a, b, c], 0, [a, b, c], 0, 1)).toBe(1);
    expect(runLength([a], 1, [a], 0)).toBe(0);
  });
});

describe('joinRuns', () => {
  it('joins any number of runs, in their order', () => {
    const runs = Array.from({ length: 300_000 }, (_, i) => (i % 3 === 0 ? [] : [i]));
    expect(joinRuns(runs)).toEqual(runs.flat());
    expect(joinRuns([])).toEqual([]);
  });
});
