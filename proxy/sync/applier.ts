import type { Logger } from 'pino';
import type { ToProxyBody } from '../../api/control.ts';
import type { Applied, PoolUpdate } from '../../api/control_pb.ts';
import { readUpdate, type Newest } from '../../api/pool-update.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import { keepResolved, unresolvedOf } from '../../api/unresolved.ts';
import type { Clock } from '../../lib/clock.ts';
import type { CrashGuard } from './crash-guard.ts';
import { Proven } from './proven.ts';
import type { ApplyFault, ApplyOutcome, SnapshotChange, SnapshotSink } from './sink.ts';
import type { SnapshotDisk } from './snapshot-disk.ts';

export interface ApplierOptions {
  readonly sink: Pick<SnapshotSink, 'apply' | 'complete'>;
  readonly disk: SnapshotDisk;
  readonly guard: CrashGuard;
  readonly clock: Clock;
  readonly log: Logger;
  /** What of `ToController` answers a message; for every controller. */
  readonly answer: (answer: Answer) => void;
  /** `pools` has changed. */
  readonly onApplied: () => void;
  readonly onReady: () => void;
}

interface AckValue {
  uid: string;
  digest: string;
  epoch: number;
}

export type Answer =
  | { readonly case: 'ack'; readonly value: AckValue }
  | { readonly case: 'acks'; readonly value: { acks: AckValue[] } }
  | {
      readonly case: 'nack';
      readonly value: {
        uid: string;
        digest: string;
        epoch: number;
        faults: ApplyFault[];
        resync: boolean;
      };
    };

/** What one round brings to the sink. */
interface Batch {
  readonly upsert: Map<string, { readonly snapshot: PoolSnapshot; readonly newest: Newest }>;
  readonly remove: Set<string>;
  /** A full sync ends with this batch. */
  endsSync: boolean;
}

/**
 * Brings pools from the stream, and at the start from the disk, to the sink, in the order in which they came; what
 * has come while it was busy goes together.
 *
 * 1. What comes with an older epoch than was seen before is refused.
 * 2. What cannot be applied is refused with paths; what was applied before goes on.
 * 3. A pool vanishes when the leader removes it or leaves it out of a full sync, never because a stream ends.
 * 4. What the controller could not read of Secrets and ConfigMaps stays as it was served.
 * 5. On disk is what has served for 10 s, and at an orderly end what serves.
 */
export class Applier {
  readonly #options: ApplierOptions;
  readonly #proven: Proven;
  readonly #pools = new Map<string, PoolSnapshot>();
  readonly #inbox: ToProxyBody[] = [];
  /** Of the present round. */
  #acks: AckValue[] = [];
  #busy: Promise<void> | undefined;
  #epoch = 0;
  #newest: Newest = {};
  #ready = false;
  #synced = false;

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#proven = new Proven(options.disk, options.clock, options.log);
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

  get pools(): ReadonlyMap<string, PoolSnapshot> {
    return this.#pools;
  }

  applied(): Pick<Applied, 'uid' | 'digest'>[] {
    return [...this.#pools.values()].map(({ uid, digest }) => ({ uid, digest }));
  }

  receive(body: ToProxyBody): void {
    if (body.case === 'updates') {
      for (const value of body.value.updates) this.#inbox.push({ case: 'update', value });
    } else this.#inbox.push(body);
    this.#work();
  }

  /** Resolves when everything that has come is dealt with. */
  async settled(): Promise<void> {
    while (this.#busy !== undefined) await this.#busy;
  }

  /** Serves what was saved, unless a leader's sync has come first. Damaged files are logged and left out. */
  async restore(): Promise<void> {
    await this.settled();
    this.#busy = this.#restore().finally(() => {
      this.#busy = undefined;
      this.#work();
    });
    await this.#busy;
  }

  async close(): Promise<void> {
    await this.settled();
    await this.#proven.close();
    await this.#options.guard.close();
  }

  #work(): void {
    if (this.#busy !== undefined || this.#inbox.length === 0) return;
    this.#busy = this.#round()
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'applying failed'))
      .finally(() => {
        this.#busy = undefined;
        this.#work();
      });
  }

  async #restore(): Promise<void> {
    const { disk, guard, log } = this.#options;
    const { pools, rejected } = await disk.load();
    for (const { file, why } of rejected) log.error({ file, why }, 'saved snapshot rejected');
    if (this.#synced) return;
    const usable = pools.filter(
      ({ snapshot }) => !this.#pools.has(snapshot.uid) && !guard.isGuilty(snapshot),
    );
    // Not on trial: it has served before.
    const outcomes = await this.#apply({ upsert: usable.map(({ snapshot }) => snapshot), remove: [] });
    for (const { snapshot, epoch, newest } of usable) {
      const outcome = outcomes(snapshot.uid);
      if (outcome.ok) {
        this.#pools.set(snapshot.uid, snapshot);
        this.#epoch = Math.max(this.#epoch, epoch);
        this.#sawNewest(newest);
      } else log.error({ pool: snapshot.name, errors: outcome.errors }, 'saved snapshot cannot be applied');
    }
    if (this.#pools.size === 0) return;
    this.#options.onApplied();
    log.warn({ pools: this.#pools.size }, 'no controller answers: serving from the last good snapshot');
    this.#becomeReady();
  }

  async #round(): Promise<void> {
    const batch: Batch = { upsert: new Map(), remove: new Set(), endsSync: false };
    while (this.#inbox.length > 0 && this.#take(this.#inbox[0]!, batch)) this.#inbox.shift();
    await this.#commit(batch);
  }

  #sendAcks(): void {
    const { answer } = this.#options;
    const acks = this.#acks;
    if (acks.length === 0) return;
    this.#acks = [];
    if (acks.length === 1) answer({ case: 'ack', value: acks[0]! });
    else answer({ case: 'acks', value: { acks } });
  }

  /** Adds a message to the batch, or answers it; false when it has to wait for the batch. */
  #take(body: ToProxyBody, batch: Batch): boolean {
    if (batch.endsSync) return false;
    switch (body.case) {
      case 'update':
        return this.#takeUpdate(body.value, batch);
      case 'removal':
        if (batch.upsert.has(body.value.uid)) return false;
        if (this.#accepts(body.value.epoch)) batch.remove.add(body.value.uid);
        return true;
      case 'syncEnd': {
        if (batch.upsert.size > 0) return false;
        if (!this.#accepts(body.value.epoch)) return true;
        const exist = new Set(body.value.uids);
        for (const uid of this.#pools.keys()) if (!exist.has(uid)) batch.remove.add(uid);
        batch.endsSync = true;
        return true;
      }
      case 'updates': // taken apart when it came
      case 'welcome':
        return true;
    }
  }

  #takeUpdate(update: PoolUpdate, batch: Batch): boolean {
    const { uid, digest, newest } = update;
    const { guard } = this.#options;
    if (batch.upsert.has(uid) || batch.remove.has(uid)) return false;
    if (batch.upsert.size > 0 && guard.isSuspect(update)) return false;
    if ([...batch.upsert.values()].some(({ snapshot }) => guard.isSuspect(snapshot))) return false;
    if (!this.#accepts(update.epoch)) {
      this.#nack(update, [fault(`epoch ${update.epoch} is older than ${this.#epoch}`)]);
      return true;
    }
    const current = this.#pools.get(uid);
    if (current?.digest === digest) {
      this.#sawNewest(newest);
      this.#ack(update);
      return true;
    }
    const read = readUpdate(update, current);
    if (read.kind === 'resync') this.#nack(update, [], true);
    else if (read.kind === 'malformed') this.#nack(update, [fault(read.message)]);
    else if (guard.isGuilty(update)) {
      this.#nack(update, [fault('the proxy died twice within 10 s of applying this; it is not tried again')]);
    } else batch.upsert.set(uid, { snapshot: read.snapshot, newest });
    return true;
  }

  async #commit({ upsert, remove, endsSync }: Batch): Promise<void> {
    const { guard } = this.#options;
    for (const [uid, { snapshot, newest }] of upsert) {
      upsert.set(uid, { snapshot: await this.#whole(snapshot), newest });
    }
    const snapshots = [...upsert.values()].map(({ snapshot }) => snapshot);
    const gone = [...remove].filter((uid) => this.#pools.has(uid));
    if (snapshots.length > 0) await this.#noteTrial(snapshots);
    const outcomes = await this.#apply({ upsert: snapshots, remove: gone });
    if (snapshots.length > 0) guard.applied();
    for (const uid of gone) {
      this.#pools.delete(uid);
      await guard.forgive(uid);
      await this.#proven.remove(uid);
    }
    for (const { snapshot, newest } of upsert.values()) {
      const outcome = outcomes(snapshot.uid);
      if (!outcome.ok) {
        this.#nack(snapshot, [...outcome.errors]);
        continue;
      }
      await guard.forgive(snapshot.uid);
      this.#pools.set(snapshot.uid, snapshot);
      this.#sawNewest(newest);
      this.#proven.serves({ snapshot, epoch: this.#epoch, newest: this.#newest });
      this.#ack(snapshot);
    }
    this.#sendAcks();
    if (upsert.size > 0 || gone.length > 0) this.#options.onApplied();
    if (!endsSync) return;
    this.#synced = true;
    this.#becomeReady();
  }

  /** With what served before, in this life or the last, of what the controller could not read. */
  async #whole(snapshot: PoolSnapshot): Promise<PoolSnapshot> {
    if (unresolvedOf(snapshot.config).length === 0) return snapshot;
    const before = this.#pools.get(snapshot.uid) ?? (await this.#options.disk.read(snapshot.uid));
    return before === undefined ? snapshot : keepResolved(snapshot, before);
  }

  /** Where nothing can be written the proxy serves what it is told all the same. */
  async #noteTrial(snapshots: readonly PoolSnapshot[]): Promise<void> {
    const { guard, log } = this.#options;
    await guard.trying(snapshots).catch((error: unknown) => {
      log.error({ err: error }, 'cannot note what is being tried');
    });
  }

  async #apply(change: SnapshotChange): Promise<(uid: string) => ApplyOutcome> {
    const { sink, log } = this.#options;
    if (change.upsert.length === 0 && change.remove.length === 0) return () => ({ ok: true });
    try {
      const outcomes = await sink.apply(change);
      return (uid) => outcomes.get(uid) ?? { ok: false, errors: [fault('the proxy says nothing of it')] };
    } catch (error) {
      log.error({ err: error }, 'applying snapshots failed');
      const errors = [fault(error instanceof Error ? error.message : String(error))];
      return () => ({ ok: false, errors });
    }
  }

  #ack({ uid, digest }: Pick<PoolUpdate, 'uid' | 'digest'>): void {
    this.#acks.push({ uid, digest, epoch: this.#epoch });
  }

  #nack({ uid, digest }: Pick<PoolUpdate, 'uid' | 'digest'>, faults: ApplyFault[], resync = false): void {
    this.#options.answer({ case: 'nack', value: { uid, digest, epoch: this.#epoch, faults, resync } });
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
    this.#options.sink.complete();
    this.#options.onReady();
  }
}

function fault(message: string): ApplyFault {
  return { path: '', message };
}
