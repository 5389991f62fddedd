import type { LoadBalancerPool } from '../../api/pool.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import { servable } from '../../api/unresolved.ts';
import { settleConflicts } from '../resolve/conflicts.ts';
import { resolvePool, type LastGood, type Resolution } from '../resolve/resolve-pool.ts';
import type { World } from '../resolve/world.ts';
import { compileSnapshot } from './snapshot.ts';

export interface CompiledPool {
  readonly pool: LoadBalancerPool;
  /** With what other pools took from it among its problems. */
  readonly resolution: Resolution;
  /** Absent when there is nothing that could be served. */
  readonly snapshot: PoolSnapshot | undefined;
}

/**
 * What the pools of one class mean together in a world, all at once; the control loop does the same step by step.
 * @param pools each has passed `api/validate`
 * @param lastGood by uid: what is served now
 */
export function compilePools(
  pools: readonly LoadBalancerPool[],
  world: World,
  lastGood: ReadonlyMap<string, LastGood> = new Map(),
): CompiledPool[] {
  const resolved = pools.map((pool) => ({
    pool,
    resolution: resolvePool(pool, world, lastGood.get(pool.metadata.uid)),
  }));
  const settlement = settleConflicts(
    resolved.flatMap(({ resolution: { intent, served } }) =>
      intent === undefined || served === undefined ? [] : [{ intent, served }],
    ),
  );
  return resolved.map(({ pool, resolution }) => {
    const settled = settlement.get(pool.metadata.uid);
    const problems = [...resolution.problems, ...(settled?.problems ?? [])];
    const { intent } = resolution;
    const snapshot =
      intent === undefined || settled?.config === undefined
        ? undefined
        : servable(compileSnapshot(intent, settled.config));
    return { pool, resolution: { ...resolution, problems }, snapshot };
  });
}
