import { describe, expect, it } from 'vitest';
import { median, type Result, timesOurs } from '../../../bench/contest.ts';
import { markdown } from '../../../bench/report.ts';
import { atMost, type Bar, contestRows, contestVerdicts } from '../../../bench/section.ts';

/** Rounds with these CPU times, in microseconds. */
function result(name: string, ...cpu: number[]): Result {
  const samples = cpu.map((cpuMicros) => ({
    cpuMicros,
    requestsPerSecond: 1e6 / cpuMicros,
    busy: [1, 0.5],
    errors: '',
  }));
  return { load: 'small', name, samples };
}

function verdicts(bar: Bar, ours: Result, theirs: Result) {
  return contestVerdicts([ours, theirs], ours.name, new Map([['small', [bar]]]));
}

describe('figures of a contest', () => {
  it('compares rounds in pairs: what disturbs both of a round changes nothing', () => {
    const ours = result('ours', 10, 40, 10);
    const theirs = result('theirs', 20, 80, 20);
    expect(timesOurs(ours, theirs)).toBe(2);
    expect(timesOurs(ours, result('theirs', 20, 400, 5))).toBe(2);
  });

  it('takes the middle of an even number of values as the mean of the two', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2])]).toEqual([2, 2.5]);
  });

  it.each([
    [10, true],
    [9.9, false],
    [25, true],
  ])('holds a proxy that takes %f µs beside our 10 to a bar of 1 ×: met is %s', (micros, isMet) => {
    const [verdict] = verdicts(
      { peer: 'theirs', atLeast: 1, aim: 2 },
      result('ours', 10),
      result('theirs', micros),
    );
    expect(verdict).toMatchObject({ isMet, bar: '≥ 1 ×', aim: '2 ×' });
  });

  it('says nothing of a bar whose proxy was not there', () => {
    expect(verdicts({ peer: 'missing', atLeast: 1 }, result('ours', 10), result('theirs', 10))).toEqual([]);
  });

  it('holds a figure to a limit, the limit included', () => {
    expect([20, 20.01].map((kib) => atMost('memory', kib, 20, 'KiB').isMet)).toEqual([true, false]);
  });

  it('names the core that was full', () => {
    const [row] = contestRows([result('ours', 10)], 'ours');
    expect(row).toEqual(['small', 'ours', '10.0', '1.00', '100000–100000', 'proxy', '']);
  });

  it('counts the bars that are met and marks those that are not', () => {
    const ours = result('ours', 10);
    const bars = new Map([
      [
        'small',
        [
          { peer: 'theirs', atLeast: 1 },
          { peer: 'theirs', atLeast: 3 },
        ],
      ],
    ]);
    const machine = {
      cpu: 'a CPU',
      cores: 2,
      memoryGiB: 4,
      kernel: '6',
      node: 'v26',
      versions: { ours: '1' },
    };
    const text = markdown({
      date: '2026-01-01',
      command: 'make bench',
      machine,
      loadAverage: [0, 0],
      missing: ['Caddy (apt-get install caddy)'],
      sections: [
        {
          title: 'A contest',
          head: ['a'],
          rows: [['b']],
          verdicts: contestVerdicts([ours, result('theirs', 20)], 'ours', bars),
          raw: undefined,
        },
      ],
    });
    expect(text).toContain('## Bars: 1 of 2 met');
    expect(text).toMatch(/2\.00 × theirs \| ≥ 3 × \| \*\*not met\*\*/);
    expect(text).toContain('missing: Caddy (apt-get install caddy)');
  });
});
