import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { writeAtomically } from './snapshot-disk.ts';

/** A process that ends within this time of an apply, without saying goodbye, was killed by what it applied. */
export const PROVING_MS = 10_000;

interface Suspect {
  readonly uid: string;
  readonly digest: string;
}

/**
 * Remembers on disk what is being tried, so that a snapshot which kills the proxy is not tried twice. Of several
 * that were applied shortly before the end, the last is blamed; should it be another, that one is next.
 */
export class CrashGuard {
  readonly #trying: string;
  readonly #killers: string;
  readonly #clock: Clock;
  /** Digest by pool uid. */
  readonly #guilty = new Map<string, string>();
  #cancel: (() => void) | undefined;

  constructor(dir: string, clock: Clock) {
    this.#trying = join(dir, 'trying.json');
    this.#killers = join(dir, 'killers.json');
    this.#clock = clock;
  }

  /** Reads what the life before this one left. Returns what it died of, if so. */
  async open(): Promise<Suspect | undefined> {
    await mkdir(join(this.#trying, '..'), { recursive: true, mode: 0o700 });
    for (const { uid, digest } of (await readJson<Suspect[]>(this.#killers)) ?? []) {
      this.#guilty.set(uid, digest);
    }
    const suspect = await readJson<Suspect>(this.#trying);
    if (suspect === undefined) return undefined;
    this.#guilty.set(suspect.uid, suspect.digest);
    await this.#save();
    await rm(this.#trying, { force: true });
    return suspect;
  }

  isGuilty(uid: string, digest: string): boolean {
    return this.#guilty.get(uid) === digest;
  }

  /** To be awaited before the snapshot is applied. */
  async trying(uid: string, digest: string): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    await writeAtomically(this.#trying, JSON.stringify({ uid, digest }));
  }

  /** The pool has become something else: what was held against it is history. */
  async forgive(uid: string): Promise<void> {
    if (this.#guilty.delete(uid)) await this.#save();
  }

  /** Applied: from now on its time of proof runs. */
  applied(): void {
    this.#cancel = this.#clock.after(PROVING_MS, () => void this.close());
  }

  /** Nothing is on trial any more: its time has passed, or the process ends on purpose. */
  async close(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    await rm(this.#trying, { force: true });
  }

  async #save(): Promise<void> {
    const all = [...this.#guilty].map(([uid, digest]) => ({ uid, digest }));
    await writeAtomically(this.#killers, JSON.stringify(all));
  }
}

async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch {
    return undefined; // absent, or cut off by the very end that it is about
  }
}
