import type { EndpointReport } from '../../api/health.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import type { ApplyOutcome, HealthSource, SnapshotSink } from '../../proxy/sync/sink.ts';

/** In place of a proxy: remembers what it was given, and answers as told. */
export class RecordingSink implements SnapshotSink, HealthSource {
  readonly serving = new Map<string, PoolSnapshot>();
  /** Every digest that was applied, in order. */
  readonly history: string[] = [];
  applies = 0;
  /** Decides about a snapshot; accepts all unless replaced. */
  judge: (snapshot: PoolSnapshot) => ApplyOutcome | Promise<ApplyOutcome> = () => ({ ok: true });
  readonly #reports = new Map<string, readonly EndpointReport[]>();
  #listeners: (() => void)[] = [];

  async apply(snapshot: PoolSnapshot): Promise<ApplyOutcome> {
    this.applies += 1;
    const outcome = await this.judge(snapshot);
    if (outcome.ok) {
      this.serving.set(snapshot.uid, snapshot);
      this.history.push(snapshot.digest);
    }
    return outcome;
  }

  async remove(uid: string): Promise<void> {
    this.serving.delete(uid);
    this.#reports.delete(uid);
  }

  report(uid: string, endpoints: readonly EndpointReport[]): void {
    this.#reports.set(uid, endpoints);
    for (const listener of this.#listeners) listener();
  }

  reports(): ReadonlyMap<string, readonly EndpointReport[]> {
    return this.#reports;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }
}
