import { PROXY_METRICS } from './metric-table.ts';
import type { MetricJson } from './traffic-meter.ts';

/** What a pool has carried since the workers started. */
export interface PoolTraffic {
  /** `namespace/name`. */
  readonly pool: string;
  /** Requests, and sessions of TCP and UDP. */
  readonly requests: number;
  /** Of those, the ones that were answered with a 5xx status, or whose session failed. */
  readonly failed: number;
}

/** Adds the workers' counts up by pool. */
export function poolTraffic(workers: readonly (readonly MetricJson[])[]): PoolTraffic[] {
  const pools = new Map<string, { pool: string; requests: number; failed: number }>();
  const of = (name: unknown): { requests: number; failed: number } => {
    const pool = String(name);
    const known = pools.get(pool) ?? { pool, requests: 0, failed: 0 };
    pools.set(pool, known);
    return known;
  };
  for (const metric of workers.flat()) {
    for (const { labels, value } of metric.values) {
      if (metric.name === PROXY_METRICS.requests.name) of(labels['pool']).requests += value;
      if (metric.name === PROXY_METRICS.failed.name) of(labels['pool']).failed += value;
    }
  }
  return [...pools.values()];
}
