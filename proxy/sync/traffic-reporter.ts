import { encodeToController } from '../../api/control.ts';
import type { PoolTraffic } from '../../api/traffic.ts';

/** What one controller has been told of traffic, so that it is told only what is news. */
export class TrafficReporter {
  #told: ReadonlyMap<string, PoolTraffic> = new Map();

  /** The message that brings the controller up to date; undefined: it is. */
  news(totals: readonly PoolTraffic[]): Buffer | undefined {
    const pools = totals.filter(({ pool, requests, failed }) => {
      const told = this.#told.get(pool);
      return told?.requests !== requests || told.failed !== failed;
    });
    this.#told = new Map(totals.map((traffic) => [traffic.pool, traffic]));
    return pools.length === 0 ? undefined : encodeToController({ case: 'traffic', value: { pools } });
  }
}
