import type { FileState } from './file-source.ts';
import type { Diagnostic, Manifest } from './manifests.ts';

/** `LoadBalancerPool n/shop`: names an object whichever file it is in. */
export function objectId({ kind, namespace, name }: Manifest): string {
  return `${kind} ${namespace}/${name}`;
}

export interface Selection {
  /** By `objectId`. */
  readonly objects: ReadonlyMap<string, Manifest>;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Decides what is in force after files have changed: what reads well, and for an object that does not any more, what
 * it was when it last did. `check` gives the faults of one object; none: it is good.
 *
 * An object is gone only when every file reads well and none has it: as long as a file cannot be read whole, what it
 * held may still be meant. Of two objects with one name the first file's counts and the other is reported.
 */
export function select(
  files: ReadonlyMap<string, FileState>,
  previous: ReadonlyMap<string, Manifest>,
  check: (manifest: Manifest) => readonly Diagnostic[],
): Selection {
  const objects = new Map<string, Manifest>();
  const diagnostics: Diagnostic[] = [];
  const damaged = new Set<string>();
  for (const [file, state] of files) {
    if (state.diagnostics.length > 0) damaged.add(file);
    diagnostics.push(...state.diagnostics);
  }
  for (const [, { manifests }] of files) {
    for (const manifest of manifests) {
      const id = objectId(manifest);
      const first = objects.get(id);
      if (first !== undefined) {
        const message = `${id} is in ${first.file} already; this one is ignored`;
        diagnostics.push({ file: manifest.file, ...manifest.locate('metadata.name'), message });
        continue;
      }
      const faults = check(manifest);
      diagnostics.push(...faults);
      const good = faults.length === 0 ? manifest : previous.get(id);
      if (good !== undefined) objects.set(id, good);
    }
  }
  for (const [id, manifest] of previous) {
    if (!objects.has(id) && damaged.has(manifest.file)) objects.set(id, manifest);
  }
  return { objects, diagnostics };
}
