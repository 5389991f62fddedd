import type { Logger } from 'pino';
import type { ToProxyBody } from '../../api/control.ts';
import type { Applied, PoolUpdate } from '../../api/control_pb.ts';
import { readUpdate, type Newest } from '../../api/pool-update.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import type { Clock } from '../../lib/clock.ts';
import { PROVING_MS, type CrashGuard } from './crash-guard.ts';
import type { ApplyFault, ApplyOutcome, SnapshotSink } from './sink.ts';
import type { SavedPool, SnapshotDisk } from './snapshot-disk.ts';

export interface ApplierOptions {
  readonly sink: SnapshotSink;
  readonly disk: SnapshotDisk;
  readonly guard: CrashGuard;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onReady: () => void;
}

/** What of `ToController` answers a message. */
export type Answer =
  | { readonly case: 'ack'; readonly value: { uid: string; digest: string; epoch: number } }
  | {
      readonly case: 'nack';
      readonly value: {
        uid: string;
        digest: string;
        epoch: number;
        faults: ApplyFault[];
        resync?: boolean;
      };
    };

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

/**
 * Brings pools from the stream, and at the start from the disk, to the sink: one after the other, in the order in
 * which they came.
 *
 * 1. What comes with an older epoch than was seen before is refused.
 * 2. What cannot be applied is refused with paths; what was applied before goes on.
 * 3. A pool vanishes when the leader removes it or leaves it out of a full sync, never because a stream ends.
 * 4. On disk is what has served for 10 s, and at an orderly end what serves.
 */
export class Applier {
  readonly #options: ApplierOptions;
  readonly #pools = new Map<string, PoolSnapshot>();
  /** Applied, but not yet for long enough to be saved. */
  readonly #unsaved = new Map<string, Unsaved>();
  #queue: Promise<unknown> = Promise.resolve();
  #cancelSave: (() => void) | undefined;
  #epoch = 0;
  #newest: Newest = {};
  #ready = false;
  #synced = false;

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get newest(): Newest {
    return this.#newest;
  }

  /** It has applied a first full sync, or what was on disk. */
  get ready(): boolean {
    return this.#ready;
  }

  applied(): Pick<Applied, 'uid' | 'digest'>[] {
    return [...this.#pools.values()].map(({ uid, digest }) => ({ uid, digest }));
  }

  /** Serves what was saved, unless a leader's sync has come first. Damaged files are logged and left out. */
  restore(): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#synced) return;
      const { disk, guard, log } = this.#options;
      const { pools, rejected } = await disk.load();
      for (const { file, why } of rejected) log.error({ file, why }, 'saved snapshot rejected');
      for (const { snapshot, epoch, newest } of pools) {
        if (this.#pools.has(snapshot.uid) || guard.isGuilty(snapshot.uid, snapshot.digest)) continue;
        const outcome = await this.#apply(snapshot); // not on trial: it has served before
        if (!outcome.ok) {
          log.error({ pool: snapshot.name, errors: outcome.errors }, 'saved snapshot cannot be applied');
          continue;
        }
        this.#pools.set(snapshot.uid, snapshot);
        this.#epoch = Math.max(this.#epoch, epoch);
        this.#sawNewest(newest);
      }
      if (this.#pools.size === 0) return;
      log.warn({ pools: this.#pools.size }, 'no controller answers: serving from the last good snapshot');
      this.#becomeReady();
    });
  }

  /** The answer, when the message has one, for every controller. */
  receive(body: ToProxyBody): Promise<Answer | undefined> {
    return this.#enqueue(async () => {
      switch (body.case) {
        case 'update':
          return this.#update(body.value);
        case 'removal':
          if (this.#accepts(body.value.epoch)) await this.#remove(body.value.uid);
          return undefined;
        case 'syncEnd': {
          if (!this.#accepts(body.value.epoch)) return undefined;
          const exist = new Set(body.value.uids);
          for (const uid of this.#pools.keys()) if (!exist.has(uid)) await this.#remove(uid);
          this.#synced = true;
          this.#becomeReady();
          return undefined;
        }
        case 'welcome':
          return undefined;
      }
    });
  }

  /** An orderly end: what serves now is what the next life begins with. */
  async close(): Promise<void> {
    await this.#queue;
    this.#cancelSave?.();
    for (const { proving, latest } of this.#unsaved.values()) {
      await this.#options.disk.save((latest ?? proving).pool);
    }
    await this.#options.guard.close();
  }

  async #update(update: PoolUpdate): Promise<Answer> {
    const { uid, digest } = update;
    const { guard } = this.#options;
    const ack = (): Answer => ({ case: 'ack', value: { uid, digest, epoch: this.#epoch } });
    const nack = (faults: ApplyFault[], resync = false): Answer => ({
      case: 'nack',
      value: { uid, digest, epoch: this.#epoch, faults, resync },
    });
    if (!this.#accepts(update.epoch)) {
      return nack([fault(`epoch ${update.epoch} is older than ${this.#epoch}`)]);
    }
    const current = this.#pools.get(uid);
    if (current?.digest === digest) {
      this.#sawNewest(update.newest);
      return ack();
    }
    const read = readUpdate(update, current);
    if (read.kind === 'resync') return nack([], true);
    if (read.kind === 'malformed') return nack([fault(read.message)]);
    if (guard.isGuilty(uid, digest)) {
      return nack([fault('the proxy died within 10 s of applying this; it is not tried again')]);
    }
    await guard.trying(uid, digest);
    const outcome = await this.#apply(read.snapshot);
    guard.applied();
    if (!outcome.ok) return nack([...outcome.errors]);
    await guard.forgive(uid);
    this.#pools.set(uid, read.snapshot);
    this.#sawNewest(update.newest);
    this.#saveLater({ snapshot: read.snapshot, epoch: this.#epoch, newest: this.#newest });
    return ack();
  }

  async #apply(snapshot: PoolSnapshot): Promise<ApplyOutcome> {
    const { sink, log } = this.#options;
    try {
      return await sink.apply(snapshot);
    } catch (error) {
      log.error({ pool: snapshot.name, err: error }, 'applying a snapshot failed');
      return { ok: false, errors: [fault(error instanceof Error ? error.message : String(error))] };
    }
  }

  async #remove(uid: string): Promise<void> {
    const { sink, disk } = this.#options;
    if (!this.#pools.delete(uid)) return;
    this.#unsaved.delete(uid);
    await sink.remove(uid);
    await this.#options.guard.forgive(uid);
    await disk.remove(uid);
  }

  /** Raises the epoch when it is newer. */
  #accepts(epoch: number): boolean {
    if (epoch < this.#epoch) return false;
    this.#epoch = epoch;
    return true;
  }

  #sawNewest(newest: Newest): void {
    const merged = { ...this.#newest };
    for (const [kind, version] of Object.entries(newest)) {
      if (BigInt(version) > BigInt(merged[kind] ?? 0)) merged[kind] = version;
    }
    this.#newest = merged;
  }

  #becomeReady(): void {
    if (this.#ready) return;
    this.#ready = true;
    this.#options.onReady();
  }

  #saveLater(pool: SavedPool): void {
    const { uid } = pool.snapshot;
    const served = { pool, since: this.#options.clock.now() };
    const before = this.#unsaved.get(uid);
    this.#unsaved.set(uid, before === undefined ? { proving: served } : { ...before, latest: served });
    this.#wakeToSave(PROVING_MS);
  }

  #wakeToSave(ms: number): void {
    this.#cancelSave ??= this.#options.clock.after(ms, () => {
      this.#cancelSave = undefined;
      void this.#enqueue(() => this.#saveProven());
    });
  }

  async #saveProven(): Promise<void> {
    const { disk, clock, log } = this.#options;
    const provenSince = clock.now() - PROVING_MS;
    for (const [uid, { proving, latest }] of this.#unsaved) {
      if (proving.since > provenSince) continue;
      if (latest === undefined) this.#unsaved.delete(uid);
      else this.#unsaved.set(uid, { proving: latest });
      await disk.save(proving.pool).catch((error: unknown) => {
        log.error({ err: error }, 'cannot save a snapshot');
      });
    }
    if (this.#unsaved.size > 0) this.#wakeToSave(1_000);
  }

  #enqueue<T>(job: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(job);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

function fault(message: string): ApplyFault {
  return { path: '', message };
}
