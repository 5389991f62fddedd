import type { Traffic } from '../../api/control_pb.ts';
import type { PoolTraffic } from '../../api/traffic.ts';

/**
 * What pools carry over all proxies. Each proxy tells what it has counted in its life; what counts is what comes on top
 * of what it said before, so proxies may come, go and begin anew.
 */
export class FleetTraffic {
  /** By proxy, then by pool. */
  readonly #said = new Map<string, Map<string, PoolTraffic>>();
  readonly #totals = new Map<string, { requests: number; failed: number }>();

  ingest(proxy: string, { pools }: Traffic): void {
    const known = this.#said.get(proxy);
    const said = known ?? new Map<string, PoolTraffic>();
    this.#said.set(proxy, said);
    for (const { pool, requests, failed } of pools) {
      if (!Number.isFinite(requests + failed)) continue; // added once, it would be the sum for ever
      // The first word of a proxy says where it stands; of a pool that it has got since then, all of it is new.
      const before =
        said.get(pool) ?? (known === undefined ? { requests, failed } : { requests: 0, failed: 0 });
      said.set(pool, { pool, requests, failed });
      const total = this.#totals.get(pool) ?? { requests: 0, failed: 0 };
      total.requests += Math.max(0, requests - before.requests);
      total.failed += Math.max(0, failed - before.failed);
      this.#totals.set(pool, total);
    }
  }

  /** Of these pools, `namespace/name`; all others are forgotten, and so are all proxies but these. */
  totals(pools: readonly string[], proxies: readonly string[]): PoolTraffic[] {
    const present = new Set(pools);
    for (const proxy of this.#said.keys()) if (!proxies.includes(proxy)) this.#said.delete(proxy);
    for (const pool of this.#totals.keys()) if (!present.has(pool)) this.#totals.delete(pool);
    for (const said of this.#said.values()) {
      for (const pool of said.keys()) if (!present.has(pool)) said.delete(pool);
    }
    return pools.map((pool) => ({ pool, ...(this.#totals.get(pool) ?? { requests: 0, failed: 0 }) }));
  }
}
