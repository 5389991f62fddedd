import type { Endpoint, PoolSnapshot } from '../../api/snapshot.ts';
import type { PoolChange } from './protocol.ts';

/**
 * A change of a pool that a worker has, as what is different: copying 10,000 endpoints to a worker would hold up its
 * traffic for milliseconds, for a change of one.
 */
export interface PoolEdit {
  readonly pool: Omit<PoolSnapshot, 'config' | 'endpoints'>;
  /** Absent: as it was. */
  readonly config?: PoolSnapshot['config'];
  /** By backend name, every backend. */
  readonly backends: Readonly<Record<string, { readonly upstream: number; readonly runs: readonly Run[] }>>;
}

/** The next endpoints of a list: some that were there already, in the order they had, or others. */
type Run =
  | { readonly from: number; readonly count: number }
  | { readonly endpoints: Endpoint[]; readonly slots: number[] };

/** How far ahead a list is searched for where it goes on: what has moved farther is told anew. */
const LOOK_AHEAD = 64;

export function editOf(before: PoolChange, { pool, slots }: PoolChange): PoolEdit {
  const { config, endpoints, ...about } = pool;
  const backends = Object.entries(slots).map(([name, { upstream, endpoints: nextSlots }]) => {
    const known = Object.hasOwn(before.slots, name) ? before.slots[name]!.endpoints : [];
    const runs = runsOf(before.pool.endpoints[name] ?? [], known, endpoints[name] ?? [], nextSlots);
    return [name, { upstream, runs }] as const;
  });
  return {
    pool: about,
    ...(config === before.pool.config ? {} : { config }),
    backends: Object.fromEntries(backends),
  };
}

/** @param before the very change that the edit was made against */
export function applyEdit(before: PoolChange, { pool, config, backends }: PoolEdit): PoolChange {
  const endpoints: Record<string, readonly Endpoint[]> = {};
  const slots: Record<string, { upstream: number; endpoints: readonly number[] }> = {};
  for (const [name, { upstream, runs }] of Object.entries(backends)) {
    const knownEndpoints = before.pool.endpoints[name] ?? [];
    const knownSlots = before.slots[name]?.endpoints ?? [];
    const part = <T>(
      run: Run,
      known: readonly T[],
      told: (run: { endpoints: Endpoint[]; slots: number[] }) => T[],
    ) => ('from' in run ? known.slice(run.from, run.from + run.count) : told(run));
    endpoints[name] = runs.flatMap((run) => part(run, knownEndpoints, (other) => other.endpoints));
    slots[name] = {
      upstream,
      endpoints: runs.flatMap((run) => part(run, knownSlots, (other) => other.slots)),
    };
  }
  return { pool: { ...pool, config: config ?? before.pool.config, endpoints }, slots };
}

function runsOf(
  before: readonly Endpoint[],
  beforeSlots: readonly number[],
  next: readonly Endpoint[],
  nextSlots: readonly number[],
): Run[] {
  const runs: Run[] = [];
  let kept: { from: number; count: number } | undefined;
  let told: { endpoints: Endpoint[]; slots: number[] } | undefined;
  let at = 0;
  for (const [j, endpoint] of next.entries()) {
    const slot = nextSlots[j]!;
    let found = at;
    const end = Math.min(before.length, at + LOOK_AHEAD);
    while (found < end && (before[found] !== endpoint || beforeSlots[found] !== slot)) found += 1;
    if (found === end) {
      if (told === undefined) runs.push((told = { endpoints: [], slots: [] }));
      told.endpoints.push(endpoint);
      told.slots.push(slot);
      kept = undefined;
      continue;
    }
    if (kept === undefined || found !== at) runs.push((kept = { from: found, count: 0 }));
    kept.count += 1;
    told = undefined;
    at = found + 1;
  }
  return runs;
}
