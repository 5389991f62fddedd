import { mkdir, open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { writeAtomically } from './snapshot-disk.ts';

/** A process that ends within this time of an apply, without saying goodbye, was killed by what it applied. */
export const PROVING_MS = 10_000;

export interface Suspect {
  readonly uid: string;
  readonly digest: string;
  /** A life before has ended on it, too. */
  readonly again?: boolean;
}

/**
 * Remembers on disk what is being tried, so that a snapshot which kills the proxy is not tried for ever. What was
 * applied shortly before a death is suspect, and the next life applies it alone: a second death names the one. One
 * death proves nothing: a process is also killed for memory, or by a person.
 *
 * It is written before every apply, so it is one file that is written over in place: to replace a file makes some file
 * systems bring the new one to the disk first, which takes up to a second when that is busy. The end of a process
 * loses nothing that was written, and who reads it stops at the end of the first line.
 */
export class CrashGuard {
  readonly #trying: string;
  readonly #killers: string;
  readonly #clock: Clock;
  /** Digest by pool uid. */
  readonly #guilty = new Map<string, string>();
  readonly #suspects = new Map<string, string>();
  #file: FileHandle | undefined;
  /** One access to the file after the other. */
  #writing: Promise<void> = Promise.resolve();
  #cancel: (() => void) | undefined;

  constructor(dir: string, clock: Clock) {
    this.#trying = join(dir, 'trying.json');
    this.#killers = join(dir, 'killers.json');
    this.#clock = clock;
  }

  /** Reads what the life before this one left. Returns what it may have died of. */
  async open(): Promise<readonly Suspect[]> {
    await mkdir(join(this.#trying, '..'), { recursive: true, mode: 0o700 });
    for (const { uid, digest } of await readSuspects(this.#killers)) this.#guilty.set(uid, digest);
    const suspects = await readSuspects(this.#trying);
    const [only] = suspects;
    if (only?.again === true && suspects.length === 1) {
      this.#guilty.set(only.uid, only.digest);
      await this.#save();
    } else {
      for (const { uid, digest } of suspects) this.#suspects.set(uid, digest);
    }
    await rm(this.#trying, { force: true });
    return suspects;
  }

  isGuilty({ uid, digest }: Suspect): boolean {
    return this.#guilty.get(uid) === digest;
  }

  /** It has to be applied alone. */
  isSuspect({ uid, digest }: Suspect): boolean {
    return this.#suspects.get(uid) === digest;
  }

  /** To be awaited before these are applied together. */
  trying(snapshots: readonly Suspect[]): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    const suspects = snapshots.map(({ uid, digest }) => ({
      uid,
      digest,
      ...(this.isSuspect({ uid, digest }) ? { again: true } : {}),
    }));
    const line = Buffer.from(`${JSON.stringify(suspects)}\n`);
    return this.#next(async () => {
      this.#file ??= await open(this.#trying, 'w', 0o600);
      await this.#file.write(line, 0, line.byteLength, 0);
    });
  }

  /** Applied: from now on their time of proof runs. */
  applied(): void {
    this.#cancel = this.#clock.after(PROVING_MS, () => void this.close());
  }

  /** The pool has become something else, or has gone: what was held against it is history. */
  async forgive(uid: string): Promise<void> {
    this.#suspects.delete(uid);
    if (this.#guilty.delete(uid)) await this.#save();
  }

  /** Nothing is on trial any more: its time has passed, or the process ends on purpose. */
  close(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    return this.#next(async () => {
      const file = this.#file;
      this.#file = undefined;
      await file?.close();
      // Left behind it makes innocent ones suspect in the next life, which applies them one by one.
      await rm(this.#trying, { force: true }).catch(() => undefined);
    });
  }

  #next(job: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(job);
    this.#writing = done.catch(() => undefined);
    return done;
  }

  async #save(): Promise<void> {
    const all = [...this.#guilty].map(([uid, digest]) => ({ uid, digest }));
    await writeAtomically(this.#killers, JSON.stringify(all));
  }
}

async function readSuspects(path: string): Promise<readonly Suspect[]> {
  try {
    return JSON.parse((await readFile(path, 'utf8')).split('\n', 1)[0]!) as Suspect[];
  } catch {
    return []; // absent, or cut off by the very end that it is about
  }
}
