import type { PoolStatus } from '../api/pool.gen.ts';
import type { LoadBalancerPool } from '../api/pool.ts';
import type { Clock } from '../lib/clock.ts';
import { withStatus } from './pool-status.ts';
import type { StandalonePool } from './standalone.ts';

/** Remembers what each pool's status was, so that a condition keeps the time at which it last changed. */
export class StatusBook {
  readonly #bindAddress: string;
  readonly #clock: Clock;
  #statuses: ReadonlyMap<string, PoolStatus> = new Map();

  constructor(bindAddress: string, clock: Clock) {
    this.#bindAddress = bindAddress;
    this.#clock = clock;
  }

  /** The pools with their status as of now. */
  pools(entries: readonly StandalonePool[]): LoadBalancerPool[] {
    const pools = entries.map((entry) =>
      withStatus(entry, {
        bindAddress: this.#bindAddress,
        now: this.#clock.wall(),
        previous: this.#statuses.get(entry.pool.metadata.uid),
      }),
    );
    this.#statuses = new Map(
      pools.flatMap(({ metadata, status }) => (status === undefined ? [] : [[metadata.uid, status]])),
    );
    return pools;
  }
}
