import type { Machine } from './machine.ts';
import type { Section, Verdict } from './section.ts';

export interface Run {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  /** One-minute load average before and after: on a shared machine the figures are of what was left. */
  readonly loadAverage: readonly [number, number];
  readonly missing: readonly string[];
  readonly sections: readonly Section[];
}

export function markdown(run: Run): string {
  const { machine } = run;
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  const verdicts = run.sections.flatMap((section) => section.verdicts);
  return [
    '# Figures of the data path',
    '',
    `Written by \`${run.command}\` on ${run.date}. Figures compare within one run on one machine only.`,
    '',
    `- ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}`,
    `- ${versions.join(', ')}`,
    `- load average ${run.loadAverage.map((load) => load.toFixed(1)).join(' before, ')} after`,
    ...(run.missing.length > 0 ? [`- not measured, because missing: ${run.missing.join(', ')}`] : []),
    '- proxies on core 0, load and origin on core 1; CPU time is that of all threads of the proxy, from the scheduler',
    '',
    `## Bars: ${verdicts.filter(({ isMet }) => isMet).length} of ${verdicts.length} met`,
    '',
    ...table(['what', 'figure', 'bar', '', 'aim'], verdicts.map(verdictRow)),
    ...run.sections.flatMap(({ title, head, rows }) => ['', `## ${title}`, '', ...table(head, rows)]),
    '',
  ].join('\n');
}

export function verdictRow({ what, figure, bar, isMet, aim = '' }: Verdict): string[] {
  return [what, figure, bar, isMet ? 'met' : '**not met**', aim];
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((text, column) =>
    Math.max(text.length, 3, ...rows.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)];
}
