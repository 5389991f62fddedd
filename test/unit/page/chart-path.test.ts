import { describe, expect, it } from 'vitest';
import { areaPath, brokenPath, linePath, scaleTop } from '../../../page/chart-path.ts';

describe('a chart', () => {
  it('ends at the right edge, however little there is of it', () => {
    expect(linePath([0, 10], 5, 100, 20, 10)).toBe('M75 20L100 0');
    expect(areaPath('M75 20L100 0', 2, 5, 100, 20)).toBe('M75 20L100 0L100 20L75 20Z');
  });

  it('is empty before anything was measured', () => {
    expect(linePath([], 5, 100, 20, 1)).toBe('');
    expect(areaPath('', 0, 5, 100, 20)).toBe('');
    expect(brokenPath([], '')).toBe('');
  });

  it('keeps within its height', () => {
    expect(linePath([20], 1, 100, 20, 10)).toBe('M0 0');
  });

  it('shows failures only around where there were any', () => {
    const values = [0, 0, 0, 4, 0, 0, 0, 2];
    const line = linePath(values, 8, 70, 10, 10);
    expect(brokenPath(values, line)).toBe('M20 10L30 6L40 10M60 10L70 8');
  });

  it.each([
    [[], 1],
    [[0, 0.2], 1],
    [[1.2], 1.5],
    [[99], 100],
    [[100], 100],
    [[101], 150],
    [[8_100], 10_000],
  ])('of %j has %d as its upper edge', (values, top) => {
    expect(scaleTop(values)).toBe(top);
  });
});
