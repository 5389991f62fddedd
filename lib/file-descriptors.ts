import { readFile } from 'node:fs/promises';

/** Where the kernel does not tell. */
const COMMON_LIMIT = 1_024;
/** No process gets near this; "unlimited" is counted as it. */
const PRACTICAL_LIMIT = 1_048_576;

/** How many files and sockets this process may have open: its soft limit. */
async function fileDescriptorLimit(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  return softLimit(limits);
}

/** The soft limit of "Max open files" in the text of /proc/PID/limits (proc_pid_limits(5)). */
export function softLimit(limits: string): number {
  const soft = /^Max open files +(\S+)/m.exec(limits)?.[1];
  if (soft === 'unlimited') return PRACTICAL_LIMIT;
  const limit = Number(soft ?? COMMON_LIMIT);
  return Number.isInteger(limit) && limit > 0 ? Math.min(limit, PRACTICAL_LIMIT) : COMMON_LIMIT;
}

/** Kept for everything that is not a client's connection: ports, probes, admin, the control stream, idle backends. */
const RESERVED = 256;

/** Client connections that this process can have open. */
export async function connectionBudget(): Promise<number> {
  return connectionsWithin(await fileDescriptorLimit());
}

/** Each connection may take a second descriptor for its backend. Of a small limit, half is kept for the rest. */
export function connectionsWithin(limit: number): number {
  return Math.max(1, Math.floor((limit - Math.min(RESERVED, limit / 2)) / 2));
}
