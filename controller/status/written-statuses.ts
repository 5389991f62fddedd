import type { PoolStatus } from '../../api/pool.gen.ts';
import type { StoredPool } from '../watch/trim.ts';

interface Written {
  readonly status: PoolStatus;
  readonly resourceVersion: string;
}

/** The part of a stored pool that says how new it is. */
type Seen = Pick<StoredPool, 'resourceVersion' | 'status'> & {
  readonly metadata: Pick<StoredPool['metadata'], 'uid'>;
};

/** Statuses as this controller wrote them last, each until the watch shows something newer. By pool uid. */
export class WrittenStatuses {
  readonly #written = new Map<string, Written>();

  record(uid: string, written: Written): void {
    this.#written.set(uid, written);
  }

  forget(uid: string): void {
    this.#written.delete(uid);
  }

  /** The status as the API server has it. */
  statusOf(pool: Seen): PoolStatus | undefined {
    const written = this.#newerThan(pool);
    return written === undefined ? pool.status : written.status;
  }

  /** The version that the next write is made against. */
  versionOf(pool: Seen): string {
    return this.#newerThan(pool)?.resourceVersion ?? pool.resourceVersion;
  }

  #newerThan({ metadata: { uid }, resourceVersion }: Seen): Written | undefined {
    const written = this.#written.get(uid);
    if (written === undefined || BigInt(resourceVersion) <= BigInt(written.resourceVersion)) return written;
    this.#written.delete(uid);
    return undefined;
  }
}
