import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FAILING,
  nextCheckState,
  PASSING,
  PENDING,
  type CheckState,
} from '../../../../proxy/health/threshold.ts';

const LIMITS = { healthyThreshold: 2, unhealthyThreshold: 3 };

/** `+` passes, `-` fails; the verdict after each, by its first letter: ? (pending), P, F. */
function verdicts(start: CheckState, results: string, limits = LIMITS): string {
  let state = start;
  return Array.from(results, (result) => {
    state = nextCheckState(state, result === '+', limits);
    return state.verdict === 'Pending' ? '?' : state.verdict[0];
  }).join('');
}

describe('the rise and fall of a check', () => {
  it.each([
    ['a first pass is enough when never judged', PENDING, '+', 'P'],
    ['failures before the first pass do not raise the bar', PENDING, '--+', '??P'],
    ['a never judged endpoint that keeps failing fails', PENDING, '---', '??F'],
    ['and then has to rise like any other', PENDING, '---++', '??FFP'],
    ['fewer failures than the threshold change nothing', PASSING, '--+--+', 'PPPPPP'],
    ['as many failures in a row as the threshold do', PASSING, '--+---', 'PPPPPF'],
    ['a failure ends the run of passes', FAILING, '+-+-++', 'FFFFFP'],
  ])('%s', (_, start, results, expected) => {
    expect(verdicts(start, results)).toBe(expected);
  });

  it('turns at once with thresholds of one', () => {
    expect(verdicts(PASSING, '-+-', { healthyThreshold: 1, unhealthyThreshold: 1 })).toBe('FPF');
  });

  it('decides by edited thresholds from the next result on', () => {
    const once = nextCheckState(PASSING, false, LIMITS);
    expect(nextCheckState(once, false, { ...LIMITS, unhealthyThreshold: 2 })).toEqual(FAILING);
    expect(nextCheckState(once, false, { ...LIMITS, unhealthyThreshold: 9 })).toEqual({
      verdict: 'Passing',
      run: 2,
    });
  });

  it('turns only after a whole run of results against it', () => {
    const limits = fc.record({
      healthyThreshold: fc.integer({ min: 1, max: 5 }),
      unhealthyThreshold: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(limits, fc.array(fc.boolean(), { maxLength: 60 }), (thresholds, results) => {
        let state: CheckState = PASSING;
        results.forEach((passed, index) => {
          const next = nextCheckState(state, passed, thresholds);
          const need =
            next.verdict === 'Passing' ? thresholds.healthyThreshold : thresholds.unhealthyThreshold;
          const run = results.slice(Math.max(0, index + 1 - need), index + 1);
          const wholeRun = run.length === need && run.every((each) => each === (next.verdict === 'Passing'));
          expect(next.verdict === state.verdict || wholeRun).toBe(true);
          state = next;
        });
      }),
    );
  });
});
