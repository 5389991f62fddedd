/** How one priority is doing. */
export interface TierHealth {
  readonly priority: number;
  /** Endpoints that may take anything new. */
  readonly healthy: number;
  /** Endpoints that could, were they healthy. */
  readonly ready: number;
  /** Milliseconds since a verdict in it changed. */
  readonly sinceChangeMs: number;
}

export interface FailoverConfig {
  /** 1..100 */
  readonly minHealthyPercent: number;
  readonly failbackDelayMs: number;
}

/**
 * The tier that should take everything, by health alone: the first with at least `minHealthyPercent` of its ready
 * endpoints healthy; else the healthiest, the earlier of equals. -1: none has a healthy endpoint.
 */
export function bestTier(tiers: readonly TierHealth[], minHealthyPercent: number): number {
  let best = -1;
  let bestShare = 0;
  for (const [index, { healthy, ready }] of tiers.entries()) {
    if (healthy === 0) continue;
    const share = healthy / ready;
    if (share * 100 >= minHealthyPercent) return index;
    if (share > bestShare) {
      best = index;
      bestShare = share;
    }
  }
  return best;
}

/**
 * Which priority is in use. Failing over is immediate; going back to a better priority that failed before waits
 * until it has been well for `failbackDelayMs`, unless the one in use has nothing healthy left. A better priority that
 * was never in use is taken at once: that is a start, not a return.
 */
export class Failover {
  /** Priorities, not indexes: they outlive a change of the refs. */
  #current: number | undefined;
  readonly #used = new Set<number>();
  #returning: { priority: number; at: number } | undefined;

  /** A return is waiting for its time: judge again even if nothing changes. */
  get pending(): boolean {
    return this.#returning !== undefined;
  }

  /** Forgets priorities that no longer exist. */
  keep(priorities: readonly number[]): void {
    if (this.#current !== undefined && !priorities.includes(this.#current)) this.#current = undefined;
    for (const priority of this.#used) if (!priorities.includes(priority)) this.#used.delete(priority);
    this.#returning = undefined;
  }

  /** Index of the tier to use; -1: none has a healthy endpoint. `tiers` is in order of priority. */
  judge(tiers: readonly TierHealth[], config: FailoverConfig, nowMs: number): number {
    const best = bestTier(tiers, config.minHealthyPercent);
    if (best === -1) {
      this.#returning = undefined;
      return -1;
    }
    const wanted = tiers[best]!;
    const index = tiers.findIndex(({ priority }) => priority === this.#current);
    const current = tiers[index];
    const goesBack = current !== undefined && best < index && this.#used.has(wanted.priority);
    if (goesBack && current.healthy > 0) {
      if (this.#returning?.priority !== wanted.priority) {
        const at = nowMs - wanted.sinceChangeMs + config.failbackDelayMs;
        this.#returning = { priority: wanted.priority, at };
      }
      if (nowMs < this.#returning.at) return index;
    }
    this.#returning = undefined;
    this.#current = wanted.priority;
    this.#used.add(wanted.priority);
    return best;
  }
}
