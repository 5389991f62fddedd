import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ejectionMs, ejectionStep, planOutliers, type Candidate } from '../../../../proxy/health/outlier.ts';

const PASSIVE = {
  mode: 'Enabled',
  consecutiveFailures: 5,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionPercent: 50,
} as const;

interface Named extends Candidate {
  readonly name: string;
}

function candidate(name: string, over: Partial<Named> = {}): Named {
  return { name, counted: true, well: true, run: 0, ...over };
}

function plan(endpoints: Named[], passive: Parameters<typeof planOutliers>[1] = PASSIVE, now = 1000) {
  const { eject, restore, held } = planOutliers(endpoints, passive, now);
  return { eject: eject.map((e) => e.name), restore: restore.map((e) => e.name), held };
}

const out = (endsAt: number): Partial<Named> => ({ ejection: { endsAt } });

describe('planning outliers', () => {
  it.each<[string, Named[], ReturnType<typeof plan>]>([
    [
      'ejects who has failed often enough in a row',
      [candidate('a', { run: 5 }), candidate('b', { run: 4 })],
      { eject: ['a'], restore: [], held: 0 },
    ],
    [
      'leaves alone who is out for another reason already',
      [candidate('a', { run: 9, well: false }), candidate('b', { run: 9, counted: false }), candidate('c')],
      { eject: [], restore: [], held: 0 },
    ],
    [
      'takes the longest runs first up to the cap',
      [
        candidate('a', { run: 5 }),
        candidate('b', { run: 7 }),
        candidate('c', { run: 6 }),
        candidate('d'),
        candidate('e'),
      ],
      { eject: ['b', 'c'], restore: [], held: 1 },
    ],
    [
      'never ejects the only one when the cap is half',
      [candidate('a', { run: 99 })],
      { eject: [], restore: [], held: 1 },
    ],
    [
      'restores who has served its time',
      [candidate('a', out(1000)), candidate('b', out(1001)), candidate('c'), candidate('d')],
      { eject: [], restore: ['a'], held: 0 },
    ],
    [
      'gives a freed place to the one that waited',
      [candidate('a', out(1000)), candidate('b', { run: 5 })],
      { eject: ['b'], restore: ['a'], held: 0 },
    ],
    [
      'restores early when the set has shrunk, soonest first',
      [candidate('a', out(5000)), candidate('b', out(4000)), candidate('c')],
      { eject: [], restore: ['b'], held: 0 },
    ],
    [
      'does not count refused or failing endpoints against the cap',
      [candidate('a', { run: 5 }), candidate('b', { well: false })],
      { eject: ['a'], restore: [], held: 0 },
    ],
  ])('%s', (_, endpoints, expected) => {
    expect(plan(endpoints)).toEqual(expected);
  });

  it('restores everyone when it is turned off', () => {
    expect(plan([candidate('a', out(5000)), candidate('b', { run: 9 })], { mode: 'Disabled' })).toEqual({
      eject: [],
      restore: ['a'],
      held: 0,
    });
  });

  it('never has more out than the cap allows', () => {
    const endpoint = fc.record({
      name: fc.string(),
      counted: fc.boolean(),
      well: fc.boolean(),
      run: fc.integer({ min: 0, max: 10 }),
      ejection: fc.option(fc.record({ endsAt: fc.integer({ min: 0, max: 2000 }) }), { nil: undefined }),
    });
    fc.assert(
      fc.property(
        fc.array(endpoint, { maxLength: 12 }),
        fc.integer({ min: 1, max: 100 }),
        (endpoints, maxEjectionPercent) => {
          const passive = { ...PASSIVE, maxEjectionPercent };
          const { eject, restore } = planOutliers(endpoints, passive, 1000);
          const before = endpoints.filter((e) => e.ejection !== undefined).length;
          const counted = endpoints.filter((e) => e.counted).length;
          expect(before - restore.length + eject.length).toBeLessThanOrEqual(
            Math.floor((counted * maxEjectionPercent) / 100),
          );
        },
      ),
    );
  });
});

describe('the back-off of ejections', () => {
  it('doubles up to the longest', () => {
    expect([0, 1, 2, 3, 4, 40].map((step) => ejectionMs(step, PASSIVE))).toEqual([
      30_000, 60_000, 120_000, 240_000, 300_000, 300_000,
    ]);
  });

  it.each([
    ['the first ejection', { count: 0, endedAt: -Infinity }, 0],
    ['one soon after the last', { count: 2, endedAt: 900_000 }, 2],
    ['one after a long time in', { count: 2, endedAt: 700_000 }, 0],
  ])('starts %s where it belongs', (_, history, step) => {
    expect(ejectionStep(history, PASSIVE, 1_000_000)).toBe(step);
  });
});
