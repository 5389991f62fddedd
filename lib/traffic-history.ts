import type { Rates } from '../api/overview.ts';
import type { PoolTraffic } from '../api/traffic.ts';

/** One sample every two seconds, ten minutes of them. */
const EVERY_MS = 2_000;
const SAMPLES = 300;

/** Rates of one pool, a ring. */
interface Ring {
  readonly perSecond: Float32Array;
  readonly failedPerSecond: Float32Array;
}

/**
 * The last ten minutes of what pools carried, for charts. It is told what was counted in all and keeps the rates; a
 * count that went back (a worker or a proxy that is gone took its own along) says nothing of that moment: 0.
 */
export class TrafficHistory {
  readonly everyMs = EVERY_MS;
  readonly #rings = new Map<string, Ring>();
  readonly #total = emptyRing();
  #before: ReadonlyMap<string, PoolTraffic> | undefined;
  #beforeMs = 0;
  /** Samples so far. */
  #count = 0;

  /** `totals` names every pool there is; `nowMs` is monotonic. */
  record(totals: readonly PoolTraffic[], nowMs: number): void {
    const before = this.#before;
    const seconds = (nowMs - this.#beforeMs) / 1_000;
    this.#before = new Map(totals.map((traffic) => [traffic.pool, traffic]));
    this.#beforeMs = nowMs;
    for (const pool of this.#rings.keys()) if (!this.#before.has(pool)) this.#rings.delete(pool);
    if (before === undefined || seconds <= 0) return;
    const at = this.#count % SAMPLES;
    this.#count += 1;
    this.#total.perSecond[at] = 0;
    this.#total.failedPerSecond[at] = 0;
    for (const { pool, requests, failed } of totals) {
      const ring = this.#rings.get(pool) ?? emptyRing();
      this.#rings.set(pool, ring);
      const then = before.get(pool);
      ring.perSecond[at] = Math.max(0, requests - (then?.requests ?? 0)) / seconds;
      ring.failedPerSecond[at] = Math.max(0, failed - (then?.failed ?? 0)) / seconds;
      this.#total.perSecond[at] += ring.perSecond[at];
      this.#total.failedPerSecond[at] += ring.failedPerSecond[at];
    }
  }

  /** @param points at most so many, each the mean of as many samples as it takes */
  ofPool(pool: string, points = SAMPLES): Rates {
    return this.#rates(this.#rings.get(pool) ?? NONE, points);
  }

  /** All pools together, those that are gone included. */
  total(points = SAMPLES): Rates {
    return this.#rates(this.#total, points);
  }

  #rates(ring: Ring, points: number): Rates {
    const per = Math.ceil(SAMPLES / points);
    const known = Math.min(this.#count, SAMPLES);
    const means = (samples: Float32Array): number[] => {
      const found: number[] = [];
      // From the newest back, so that only the oldest mean may be of fewer samples.
      for (let newest = this.#count - 1; newest >= this.#count - known; newest -= per) {
        const oldest = Math.max(newest - per + 1, this.#count - known);
        let total = 0;
        for (let sample = oldest; sample <= newest; sample++) total += samples[sample % SAMPLES]!;
        found.push(total / (newest - oldest + 1));
      }
      return found.reverse();
    };
    return {
      everyMs: EVERY_MS * per,
      perSecond: means(ring.perSecond),
      failedPerSecond: means(ring.failedPerSecond),
    };
  }
}

function emptyRing(): Ring {
  return { perSecond: new Float32Array(SAMPLES), failedPerSecond: new Float32Array(SAMPLES) };
}

const NONE = emptyRing();
