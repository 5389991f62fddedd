import type { PoolSnapshot } from '../../api/snapshot.ts';

/** By pool uid. */
export type Snapshots = ReadonlyMap<string, PoolSnapshot>;

export interface Changes {
  readonly put: readonly PoolSnapshot[];
  /** Uids of pools that are gone. */
  readonly gone: readonly string[];
}

/** What proxies that have `previous` need to have `next`. Equal content is no change, whatever the generation. */
export function changedSnapshots(previous: Snapshots, next: Snapshots): Changes {
  return {
    put: [...next.values()].filter((snapshot) => previous.get(snapshot.uid)?.digest !== snapshot.digest),
    gone: [...previous.keys()].filter((uid) => !next.has(uid)),
  };
}
