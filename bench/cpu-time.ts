import { readdirSync, readFileSync } from 'node:fs';

/** CPU time that a process, its threads and its children have used, in microseconds, from the scheduler (Linux). */
export function cpuMicros(pid: number): number {
  let nanos = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [ran] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ');
    nanos += Number(ran);
    for (const child of childrenOf(pid, thread)) nanos += cpuMicros(child) * 1_000;
  }
  return nanos / 1_000;
}

function childrenOf(pid: number, thread: string): number[] {
  const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1');
  return text.split(' ').filter(Boolean).map(Number);
}

/** Time that each core has spent, in ticks: what it was idle, and all. */
export interface CoreTimes {
  readonly idle: number;
  readonly all: number;
}

export function coreTimes(): CoreTimes[] {
  const lines = readFileSync('/proc/stat', 'latin1').match(/^cpu\d.*$/gm) ?? [];
  return lines.map((line) => {
    const [user, nice, system, idle, wait, ...rest] = line.split(/\s+/).slice(1, 9).map(Number);
    const all = [user, nice, system, idle, wait, ...rest].reduce<number>(
      (sum, ticks) => sum + (ticks ?? 0),
      0,
    );
    return { idle: (idle ?? 0) + (wait ?? 0), all };
  });
}

/** Share of the time between two looks that each core was busy, with whatever. */
export function busyShares(before: readonly CoreTimes[], after: readonly CoreTimes[]): number[] {
  return after.map(({ idle, all }, core) => {
    const from = before[core]!;
    return 1 - (idle - from.idle) / Math.max(1, all - from.all);
  });
}
