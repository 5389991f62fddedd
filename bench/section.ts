import { medianMicros, type Result, timesOurs } from './contest.ts';

/** What a measure has found. */
export interface Section {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly verdicts: readonly Verdict[];
  /** All that was measured. */
  readonly raw: unknown;
}

/** A figure beside the bar that it is to hold. */
export interface Verdict {
  readonly what: string;
  readonly figure: string;
  readonly bar: string;
  readonly isMet: boolean;
  readonly aim?: string;
}

/** CPU time of another proxy as a multiple of ours, at least. */
export interface Bar {
  readonly peer: string;
  readonly atLeast: number;
  readonly aim?: number;
}

export const CONTEST_HEAD = [
  'load',
  'proxy',
  'µs CPU a request',
  '× ours',
  'requests/s',
  'saturated core',
  'errors',
];

/** A row for each result, with those of one load beside that of `ours`. */
export function contestRows(results: readonly Result[], ours: string): string[][] {
  return results.map((result) => {
    const own = results.find(({ load, name }) => load === result.load && name === ours);
    const rates = result.samples.map(({ requestsPerSecond }) => requestsPerSecond);
    return [
      result.load,
      result.name,
      medianMicros(result).toFixed(1),
      own === undefined ? '' : timesOurs(own, result).toFixed(2),
      `${Math.round(Math.min(...rates))}–${Math.round(Math.max(...rates))}`,
      saturated(result),
      result.samples.find(({ errors }) => errors !== '')?.errors ?? '',
    ];
  });
}

/** The core that was busiest, and how busy it was. */
function saturated({ samples }: Result): string {
  const cores = (samples[0]?.busy ?? []).map((_, core) => {
    const share = samples.reduce((sum, { busy }) => sum + busy[core]!, 0) / samples.length;
    return { core, percent: Math.round(share * 100) };
  });
  const full = cores.filter(({ percent }) => percent >= 95).map(({ core }) => core);
  if (full.length > 0) return full.map(roleOf).join(' and ');
  return `none (${cores.map(({ core, percent }) => `${roleOf(core)} ${percent} %`).join(', ')})`;
}

function roleOf(core: number): string {
  return core === 0 ? 'proxy' : core === 1 ? 'load' : `core ${core}`;
}

export function contestVerdicts(
  results: readonly Result[],
  ours: string,
  bars: ReadonlyMap<string, readonly Bar[]>,
): Verdict[] {
  const of = (load: string, name: string) => results.find((one) => one.load === load && one.name === name);
  return [...bars].flatMap(([load, each]) =>
    each.flatMap(({ peer, atLeast, aim }): Verdict[] => {
      const own = of(load, ours);
      const other = of(load, peer);
      if (own === undefined || other === undefined) return [];
      const ratio = timesOurs(own, other);
      return [
        {
          what: load,
          figure: `${ratio.toFixed(2)} × ${peer}`,
          bar: `≥ ${atLeast} ×`,
          isMet: ratio >= atLeast,
          ...(aim !== undefined && { aim: `${aim} ×` }),
        },
      ];
    }),
  );
}

/** Of a figure that is to stay at or below a limit. */
export function atMost(what: string, value: number, limit: number, unit: string): Verdict {
  return { what, figure: `${value.toFixed(2)} ${unit}`, bar: `≤ ${limit} ${unit}`, isMet: value <= limit };
}
