import type { LoadBalancerPool } from '../api/pool.ts';
import type { PoolValidator } from '../api/validate/pool-validator.ts';
import { compilePools, type CompiledPool } from '../controller/compile/compile-pools.ts';
import type { DeniedAddresses } from '../controller/resolve/denied-addresses.ts';
import type { LastGood } from '../controller/resolve/resolve-pool.ts';
import { checkCoreObject } from './core-objects.ts';
import type { Diagnostic, Manifest } from './manifests.ts';
import { worldOf } from './world.ts';

export interface EvaluatedPool extends CompiledPool {
  readonly manifest: Manifest;
}

export interface Evaluation {
  /** By uid. */
  readonly pools: ReadonlyMap<string, EvaluatedPool>;
  readonly diagnostics: readonly Diagnostic[];
  /** Milliseconds since the epoch at which time itself changes the outcome. */
  readonly nextExpiry: number | undefined;
}

/** What is wrong with one object by itself. */
export function checkManifest(manifest: Manifest, validator: PoolValidator): Diagnostic[] {
  const errors =
    manifest.kind === 'LoadBalancerPool'
      ? validationErrors(manifest, validator)
      : checkCoreObject(manifest.kind, manifest.object);
  return errors.map(({ path, message }) => diagnostic(manifest, path, message));
}

/** What the objects mean together: each pool resolved and compiled as the controller would in a cluster. */
export function evaluate(
  objects: ReadonlyMap<string, Manifest>,
  options: {
    readonly validator: PoolValidator;
    readonly denied: DeniedAddresses;
    readonly now: number;
    /** By uid: when a pool whose manifest does not say was first there; absent: now. */
    readonly firstSeen: ReadonlyMap<string, number>;
    /** By uid: what is served now. */
    readonly lastGood: ReadonlyMap<string, LastGood>;
    readonly ticketSecret?: string;
  },
): Evaluation {
  const world = worldOf(objects.values(), options);
  const manifests = new Map<string, Manifest>();
  const valid: LoadBalancerPool[] = [];
  for (const manifest of objects.values()) {
    if (manifest.kind !== 'LoadBalancerPool') continue;
    const validation = options.validator.validate(manifest.object);
    if (!validation.ok) continue;
    valid.push(dated(validation.pool, manifest, options));
    manifests.set(validation.pool.metadata.uid, manifest);
  }

  const pools = new Map<string, EvaluatedPool>();
  const diagnostics: Diagnostic[] = [];
  let nextExpiry: number | undefined;
  for (const compiled of compilePools(valid, world, options.lastGood)) {
    const { uid } = compiled.pool.metadata;
    const manifest = manifests.get(uid)!;
    const { problems, nextExpiry: expiry } = compiled.resolution;
    for (const { path, message } of problems) diagnostics.push(diagnostic(manifest, path, message));
    pools.set(uid, { ...compiled, manifest });
    if (expiry !== undefined) nextExpiry = Math.min(nextExpiry ?? Number.POSITIVE_INFINITY, expiry);
  }
  return { pools, diagnostics, nextExpiry };
}

/** A pool that no API server has dated is as old as this process has known it: the older one wins a conflict. */
function dated(
  pool: LoadBalancerPool,
  { object }: Manifest,
  { firstSeen, now }: { readonly firstSeen: ReadonlyMap<string, number>; readonly now: number },
): LoadBalancerPool {
  const { creationTimestamp } = object['metadata'] as { creationTimestamp?: unknown };
  if (creationTimestamp !== undefined) return pool;
  const since = new Date(firstSeen.get(pool.metadata.uid) ?? now).toISOString();
  return { ...pool, metadata: { ...pool.metadata, creationTimestamp: since.replace(/\.\d+Z$/, 'Z') } };
}

function validationErrors(
  manifest: Manifest,
  validator: PoolValidator,
): readonly { path: string; message: string }[] {
  const validation = validator.validate(manifest.object);
  return validation.ok ? [] : validation.errors;
}

function diagnostic(manifest: Manifest, path: string, message: string): Diagnostic {
  return { file: manifest.file, ...manifest.locate(path), path, message };
}
