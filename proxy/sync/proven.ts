import type { Logger } from 'pino';
import type { Clock } from '../../lib/clock.ts';
import { PROVING_MS } from './crash-guard.ts';
import type { SavedPool, SnapshotDisk } from './snapshot-disk.ts';

interface Served {
  readonly pool: SavedPool;
  readonly since: number;
}

interface Unsaved {
  /** Saved when it has served for long enough, whatever came after it. */
  readonly proving: Served;
  /** What has replaced it meanwhile. */
  readonly latest?: Served;
}

/** Brings to disk what has served for 10 s; under constant change a state that is at most 20 s old. */
export class Proven {
  readonly #disk: SnapshotDisk;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #unsaved = new Map<string, Unsaved>();
  #cancel: (() => void) | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(disk: SnapshotDisk, clock: Clock, log: Logger) {
    this.#disk = disk;
    this.#clock = clock;
    this.#log = log;
  }

  serves(pool: SavedPool): void {
    const { uid } = pool.snapshot;
    const served = { pool, since: this.#clock.now() };
    const before = this.#unsaved.get(uid);
    this.#unsaved.set(uid, before === undefined ? { proving: served } : { ...before, latest: served });
    this.#wakeAfter(PROVING_MS);
  }

  remove(uid: string): Promise<void> {
    this.#unsaved.delete(uid);
    return this.#enqueue(() => this.#disk.remove(uid));
  }

  /** An orderly end: what serves now is what the next life begins with. */
  close(): Promise<void> {
    this.#cancel?.();
    return this.#enqueue(async () => {
      for (const { proving, latest } of this.#unsaved.values())
        await this.#disk.save((latest ?? proving).pool);
    });
  }

  #wakeAfter(ms: number): void {
    this.#cancel ??= this.#clock.after(ms, () => {
      this.#cancel = undefined;
      void this.#enqueue(() => this.#saveDue());
    });
  }

  async #saveDue(): Promise<void> {
    const provenSince = this.#clock.now() - PROVING_MS;
    for (const [uid, { proving, latest }] of this.#unsaved) {
      if (proving.since > provenSince) continue;
      if (latest === undefined) this.#unsaved.delete(uid);
      else this.#unsaved.set(uid, { proving: latest });
      await this.#disk.save(proving.pool);
    }
    if (this.#unsaved.size > 0) this.#wakeAfter(1_000);
  }

  /** One after the other: a pool that is removed stays removed. */
  #enqueue(job: () => Promise<void>): Promise<void> {
    this.#saving = this.#saving.then(job).catch((error: unknown) => {
      this.#log.error({ err: error }, 'cannot save snapshots');
    });
    return this.#saving;
  }
}
