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
    const ramps = Object.values(slots).map(({ upstream, endpoints }) => {
      return { upstream, endpoints, config: config.loadBalancing.slowStart };
    });
    this.#pools.set(uid, ramps);
    this.#refresh(uid, ramps);
  }

  /** An endpoint of the pool began to take traffic, or ceased to. */
  refresh(uid: string): void {
    const ramps = this.#pools.get(uid)?.filter(({ config }) => config !== undefined) ?? [];
    if (ramps.length > 0) this.#refresh(uid, ramps);
  }

  #refresh(uid: string, ramps: readonly Ramp[]): void {
    this.#stop(uid);
    let stepMs = Infinity;
    for (const ramp of ramps) {
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
    let changed = false;
    let starting = false;
    const set = (slot: number, percent: number): void => {
      if (table.weightPercent(slot) === percent) return;
      table.setWeightPercent(slot, percent);
      changed = true;
    };
    if (config === undefined) for (const slot of endpoints) set(slot, 100);
    else {
      const ages = endpoints.map((slot) => {
        const since = eligibleSince(slot);
        return since === undefined ? undefined : now - since;
      });
      for (const [index, percent] of weightPercents(ages, config).entries()) {
        starting ||= ages[index] !== undefined && percent < 100;
        set(endpoints[index]!, percent);
      }
    }
    if (changed) table.bumpEpoch(upstream, now);
    return starting;
  }

  #stop(uid: string): void {
    this.#timers.get(uid)?.();
    this.#timers.delete(uid);
  }
}
