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
