import { statSync, watch, type FSWatcher } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { debounce } from '../lib/debounce.ts';
import { parseManifests, type Diagnostic, type Manifest } from './manifests.ts';

/** Editors write in several steps: what changes within this time is read once. */
const SETTLE_MS = 20;
/** What never settles is read all the same: a folder may hold a file that somebody appends to all the time. */
const SETTLE_AT_MOST_MS = 200;

export interface FileState {
  /** As it was read; absent: it could not be. */
  readonly text?: string;
  readonly manifests: readonly Manifest[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads the YAML files among `paths` (files, or folders with all below them: `.yaml`, `.yml`, `.json`), in the
 * order of their names. A file that cannot be read is a diagnostic; it does not hide the others.
 * @param before what was read last: a file that says the same is not parsed again, and its manifests are the same ones
 */
export async function readManifestFiles(
  paths: readonly string[],
  before: ReadonlyMap<string, FileState> = new Map(),
): Promise<Map<string, FileState>> {
  const files = new Map<string, FileState>();
  for (const path of paths) {
    for (const file of await manifestFiles(path)) {
      files.set(file, await readOne(file, before.get(file)));
    }
  }
  return files;
}

/**
 * Calls back soon after anything below `paths` has changed; nothing is polled. A folder that is replaced whole
 * (as a mounted ConfigMap is) is seen through its parent.
 */
export function watchFiles(paths: readonly string[], clock: Clock, onChange: () => void): () => void {
  const changed = debounce({ run: onChange, quietMs: SETTLE_MS, maxMs: SETTLE_AT_MOST_MS, clock });
  const watchers = paths.map((path) => watchPath(path, changed.call));
  return () => {
    changed.cancel();
    for (const watcher of watchers) watcher.close();
  };
}

function watchPath(path: string, changed: () => void): FSWatcher {
  // A file is watched through its folder: an editor that replaces the file takes the watched inode away.
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const watcher = isFolder
    ? watch(path, { recursive: true }, changed)
    : watch(dirname(path), (_event, name) => {
        if (name === null || name === basename(path)) changed();
      });
  watcher.on('error', changed);
  return watcher;
}

async function manifestFiles(path: string): Promise<string[]> {
  const info = await stat(path).catch(() => undefined);
  if (info?.isDirectory() !== true) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory() && /\.(ya?ml|json)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function readOne(file: string, before: FileState | undefined): Promise<FileState> {
  try {
    const text = await readFile(file, 'utf8');
    return text === before?.text ? before : { text, ...parseManifests(file, text) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { manifests: [], diagnostics: [{ file, line: 1, column: 1, message }] };
  }
}
