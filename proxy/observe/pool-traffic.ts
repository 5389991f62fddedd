import type { PoolTraffic } from '../../api/traffic.ts';

/** Adds the workers' counts up by pool. */
export function poolTraffic(workers: readonly (readonly PoolTraffic[])[]): PoolTraffic[] {
  const pools = new Map<string, PoolTraffic>();
  for (const { pool, requests, failed } of workers.flat()) {
    const known = pools.get(pool);
    pools.set(pool, {
      pool,
      requests: requests + (known?.requests ?? 0),
      failed: failed + (known?.failed ?? 0),
    });
  }
  return [...pools.values()];
}
