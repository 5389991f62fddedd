import type { EndpointReport } from '../../api/health.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import type { PoolTraffic } from '../../api/traffic.ts';
import type { ApplyOutcome, SnapshotChange, SnapshotSink } from '../../proxy/sync/sink.ts';

/** In place of a proxy: remembers what it was given, and answers as told. */
export class RecordingSink implements SnapshotSink {
  readonly serving = new Map<string, PoolSnapshot>();
  /** Every digest that was applied, in order. */
  readonly history: string[] = [];
  /** How many pools each change had. */
  readonly batches: number[] = [];
  applies = 0;
  /** Decides about a snapshot; accepts all unless replaced. */
  judge: (snapshot: PoolSnapshot) => ApplyOutcome | Promise<ApplyOutcome> = () => ({ ok: true });
  readonly #reports = new Map<string, readonly EndpointReport[]>();
  #listeners: (() => void)[] = [];

  async apply({ upsert, remove }: SnapshotChange): Promise<Map<string, ApplyOutcome>> {
    for (const uid of remove) {
      this.serving.delete(uid);
      this.#reports.delete(uid);
    }
    this.batches.push(upsert.length);
    const outcomes = new Map<string, ApplyOutcome>();
    for (const snapshot of upsert) {
      this.applies += 1;
      const outcome = await this.judge(snapshot);
      outcomes.set(snapshot.uid, outcome);
      if (!outcome.ok) continue;
      this.serving.set(snapshot.uid, snapshot);
      this.history.push(snapshot.digest);
    }
    return outcomes;
  }

  complete(): void {}

  report(uid: string, endpoints: readonly EndpointReport[]): void {
    this.#reports.set(uid, endpoints);
    for (const listener of this.#listeners) listener();
  }

  reports(uid: string): readonly EndpointReport[] {
    return this.#reports.get(uid) ?? [];
  }

  /** What `traffic` says. */
  carried: readonly PoolTraffic[] = [];

  traffic(): Promise<readonly PoolTraffic[]> {
    return Promise.resolve(this.carried);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }
}
