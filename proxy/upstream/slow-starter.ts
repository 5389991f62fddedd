import type { PoolSnapshot } from '../../api/snapshot.ts';
import type { Clock } from '../../lib/clock.ts';
import type { PoolSlots } from '../health/health-monitor.ts';
import type { SharedTable } from '../state/shared-table.ts';
import { weightPercents, type SlowStartConfig } from './slow-start.ts';

/** Steps of a ramp; each makes the workers choose anew among the upstream's endpoints. */
const STEPS = 50;
const MIN_STEP_MS = 50;

interface Ramp {
  readonly upstream: number;
  readonly endpoints: readonly number[];
  /** Undefined: every endpoint has its whole weight. */
  readonly config: SlowStartConfig | undefined;
}

export interface SlowStarterDeps {
  readonly table: SharedTable;
  readonly clock: Clock;
  /** `HealthMonitor.eligibleSince`. */
  readonly eligibleSince: (slot: number) => number | undefined;
}

/**
 * Writes the weight percent of every endpoint into the shared table, on the main thread, and raises the upstream's
 * epoch when one has changed. Keeps no times of its own: an endpoint's age is how long it has been eligible, so a new
 * snapshot changes nothing about it. Ticks only while an endpoint is starting.
 */
export class SlowStarter {
  readonly #deps: SlowStarterDeps;
  /** By pool uid. */
  readonly #pools = new Map<string, readonly Ramp[]>();
  readonly #timers = new Map<string, () => void>();

  constructor(deps: SlowStarterDeps) {
    this.#deps = deps;
  }

  /** Takes a pool's next snapshot: after the health monitor has, before the workers do. */
  update({ uid, config }: PoolSnapshot, slots: PoolSlots): void {
    this.#pools.set(
      uid,
      Object.values(slots).map(({ upstream, endpoints }) => {
        return { upstream, endpoints, config: config.loadBalancing.slowStart };
      }),
    );
    this.refresh(uid);
  }

  /** An endpoint of the pool began to take traffic, or ceased to. */
  refresh(uid: string): void {
    this.#stop(uid);
    let stepMs = Infinity;
    for (const ramp of this.#pools.get(uid) ?? []) {
      if (this.#write(ramp) && ramp.config !== undefined) {
        stepMs = Math.min(stepMs, Math.max(MIN_STEP_MS, ramp.config.windowMs / STEPS));
      }
    }
    if (stepMs < Infinity) {
      this.#timers.set(
        uid,
        this.#deps.clock.after(stepMs, () => this.refresh(uid)),
      );
    }
  }

  remove(uid: string): void {
    this.#stop(uid);
    this.#pools.delete(uid);
  }

  close(): void {
    for (const uid of this.#timers.keys()) this.#stop(uid);
  }

  /** True while an endpoint is starting. */
  #write({ upstream, endpoints, config }: Ramp): boolean {
    const { table, clock, eligibleSince } = this.#deps;
    const now = clock.now();
    const ages = endpoints.map((slot) => {
      const since = eligibleSince(slot);
      return since === undefined ? undefined : now - since;
    });
    const percents = config === undefined ? ages.map(() => 100) : weightPercents(ages, config);
    let changed = false;
    let starting = false;
    for (const [index, percent] of percents.entries()) {
      const slot = endpoints[index]!;
      starting ||= ages[index] !== undefined && percent < 100;
      if (table.weightPercent(slot) === percent) continue;
      table.setWeightPercent(slot, percent);
      changed = true;
    }
    if (changed) table.bumpEpoch(upstream, now);
    return starting;
  }

  #stop(uid: string): void {
    this.#timers.get(uid)?.();
    this.#timers.delete(uid);
  }
}
