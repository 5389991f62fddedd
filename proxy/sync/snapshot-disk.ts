import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Newest } from '../../api/pool-update.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';

export interface SavedPool {
  readonly snapshot: PoolSnapshot;
  readonly epoch: number;
  readonly newest: Newest;
}

export interface LoadedPools {
  readonly pools: readonly SavedPool[];
  /** Files that were damaged, and how. */
  readonly rejected: readonly { readonly file: string; readonly why: string }[];
}

const FORMAT = 'evenkeel-snapshot-1';
const SUFFIX = '.pool';

/**
 * The last good snapshots, a file a pool. Each begins with a line that has the checksum of the rest, and replaces
 * its predecessor atomically: a file is whole, or it is refused. They hold keys, so only the owner may read them.
 */
export class SnapshotDisk {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async load(): Promise<LoadedPools> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const pools: SavedPool[] = [];
    const rejected: { file: string; why: string }[] = [];
    for (const file of (await readdir(this.#dir)).sort()) {
      const path = join(this.#dir, file);
      if (file.endsWith('.tmp')) await rm(path, { force: true });
      if (!file.endsWith(SUFFIX)) continue;
      try {
        pools.push(parse(await readFile(path, 'utf8')));
      } catch (error) {
        rejected.push({ file, why: error instanceof Error ? error.message : String(error) });
      }
    }
    return { pools, rejected };
  }

  /** Undefined: there is none, or it is damaged. */
  async read(uid: string): Promise<PoolSnapshot | undefined> {
    try {
      return parse(await readFile(this.#path(uid), 'utf8')).snapshot;
    } catch {
      return undefined;
    }
  }

  async save(pool: SavedPool): Promise<void> {
    const body = JSON.stringify(pool);
    await writeAtomically(this.#path(pool.snapshot.uid), `${FORMAT} sha256:${sha256(body)}\n${body}`);
  }

  async remove(uid: string): Promise<void> {
    await rm(this.#path(uid), { force: true });
  }

  /** A uid is the API server's, or a stranger's: no part of it may name another file. */
  #path(uid: string): string {
    return join(this.#dir, sha256(uid).slice(0, 32) + SUFFIX);
  }
}

/** Readers see the old content or the new, nothing between. Mode 0600. */
export async function writeAtomically(path: string, content: string): Promise<void> {
  const partial = `${path}.tmp`;
  const file = await open(partial, 'w', 0o600);
  try {
    await file.writeFile(content);
  } finally {
    await file.close();
  }
  await rename(partial, path);
}

function parse(content: string): SavedPool {
  const end = content.indexOf('\n');
  const [format, checksum] = content.slice(0, end).split(' ');
  const body = content.slice(end + 1);
  if (end === -1 || format !== FORMAT) throw new Error('not a snapshot of this version');
  if (checksum !== `sha256:${sha256(body)}`) throw new Error('the checksum does not fit');
  return JSON.parse(body) as SavedPool;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
