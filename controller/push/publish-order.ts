import type { Settled, Settlement } from '../resolve/conflicts.ts';

/** A pool as the round before left it. */
export interface SettledPool {
  readonly uid: string;
  /** Absent: not settled yet, or nothing to settle. */
  readonly settled: Settled | undefined;
}

/**
 * Which pools a round publishes, and in which order: those that are dirty, and those that lose or get something by
 * what became of others. Who loses a port lets go of it before another gets it.
 * @param pools by key, every pool
 * @param settlement of this round
 */
export function publishOrder(
  pools: ReadonlyMap<string, SettledPool>,
  settlement: Settlement,
  dirty: ReadonlyMap<string, unknown>,
): string[] {
  const losers: string[] = [];
  const others: string[] = [];
  for (const [key, { uid, settled: before }] of pools) {
    const settled = settlement.get(uid);
    if (!dirty.has(key) && sameSettled(settled, before)) continue;
    (settled !== undefined && settled.problems.length > 0 ? losers : others).push(key);
  }
  return [...losers, ...others];
}

function sameSettled(a: Settled | undefined, b: Settled | undefined): boolean {
  if (a === b) return true;
  if (a?.config !== b?.config) return false;
  return JSON.stringify(a?.problems) === JSON.stringify(b?.problems);
}
