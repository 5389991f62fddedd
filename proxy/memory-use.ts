/**
 * What of a memory limit is used up for good. Pages of files, such as those of the Node executable, count towards the
 * limit and are no reason to shed work: the kernel takes them back. What the kernel keeps for sockets is not in the
 * size of the process, and is what clients that do not read run a container out of.
 */
import { existsSync, readFileSync } from 'node:fs';

/** Of memory.stat of a control group (version 2): what cannot be taken back without swap. */
const HELD = new Set(['anon', 'shmem', 'sock', 'kernel_stack', 'pagetables', 'slab_unreclaimable']);

/** @returns bytes; undefined: this is no memory.stat of version 2 */
export function heldByGroup(stat: string): number | undefined {
  let held = 0;
  let isStat = false;
  for (const line of stat.split('\n')) {
    const [key = '', value] = line.split(' ');
    isStat ||= key === 'anon';
    if (HELD.has(key)) held += Number(value);
  }
  return isStat ? held : undefined;
}

/** Bytes in use now: of the group that limits this process, else the size of the process. */
export function memoryReader(): () => number {
  const stat = groupStat();
  return () => (stat === undefined ? undefined : heldByGroup(textOf(stat))) ?? process.memoryUsage.rss();
}

/** The memory.stat of this process's group; undefined: the group has no limit, or is of version 1. */
function groupStat(): string | undefined {
  const path = /^0::(\S*)$/m.exec(textOf('/proc/self/cgroup'))?.[1];
  if (path === undefined) return undefined;
  // In a container the path may be as it is seen from outside, and the group is mounted where the root would be.
  const folder = [`/sys/fs/cgroup${path}`, '/sys/fs/cgroup'].find((each) => existsSync(`${each}/memory.max`));
  return folder === undefined ? undefined : `${folder}/memory.stat`;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
