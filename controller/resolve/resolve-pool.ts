import type { PoolSpec } from '../../api/pool.gen.ts';
import type { LoadBalancerPool } from '../../api/pool.ts';
import type { Problem } from '../../api/problem.ts';
import type { Endpoint, PoolConfig } from '../../api/snapshot.ts';
import { backendUses } from './backend-uses.ts';
import { resolveBackend, type ServiceSteps } from './backends.ts';
import { applyOverrides } from './overrides.ts';
import { resolveConfig } from './pool-config.ts';
import { specProblems, unusedBackends } from './spec-problems.ts';
import { NO_CREDENTIALS, resolveTls, type Credentials } from './tls.ts';
import type { World } from './world.ts';

/** What a pool asks the proxies for, on its own; other pools on the same ports have still to be heard. */
export interface PoolIntent {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly generation: number;
  readonly config: PoolConfig;
  /** By backend name, every backend; in canonical order. */
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>;
}

export interface Resolution {
  /** Everything that is wrong, in the order of the spec. */
  readonly problems: readonly Problem[];
  /** The spec that `intent` is made of: the pool's own, or the last good one while that waits or cannot be served. */
  readonly served?: PoolSpec;
  /** Absent when there is nothing that could be served. */
  readonly intent?: PoolIntent;
  /** What `intent` has of Secrets and ConfigMaps. */
  readonly credentials: Credentials;
  /** By backend: what the endpoints of Services were made of. */
  readonly steps?: ReadonlyMap<string, ServiceSteps>;
  /** Names of endpoint overrides without effect, sorted. */
  readonly staleOverrides: readonly string[];
  /**
   * Resolve again by then (milliseconds since the epoch) even if nothing changes: an override expires, or a
   * certificate comes nearer to its end.
   */
  readonly nextExpiry?: number;
}

/** What a resolution leaves to the next one of the same pool; `steps` make that quicker, and change nothing else. */
export type LastGood = Pick<Resolution, 'served' | 'credentials' | 'steps'>;

/**
 * What a pool means in this world: references resolved, units normalised, every problem collected.
 *
 * A spec that cannot be accepted, or that is paused, changes nothing: the last good one goes on, with the endpoints
 * and certificates of today. A certificate that cannot be used changes nothing either.
 * @param pool has passed `api/validate`
 * @param lastGood of the previous resolution of this pool, if there was one
 */
export function resolvePool(pool: LoadBalancerPool, world: World, lastGood?: LastGood): Resolution {
  const refused = specProblems(pool, world, backendUses(pool.spec));
  const isHeld = pool.spec.paused && lastGood?.served !== undefined;
  const served = refused.length > 0 || isHeld ? lastGood?.served : pool.spec;
  const before = { credentials: NO_CREDENTIALS, ...lastGood };
  if (served === undefined) return { problems: refused, credentials: before.credentials, staleOverrides: [] };

  const { problems, ...resolved } = resolveSpec(served, pool, world, before);
  return { ...resolved, problems: [...refused, ...problems], served };
}

function resolveSpec(
  spec: PoolSpec,
  { metadata, spec: current }: LoadBalancerPool,
  world: World,
  before: LastGood,
): Resolution & { readonly intent: PoolIntent } {
  const { namespace, name, uid, generation, creationTimestamp } = metadata;
  const uses = backendUses(spec);
  const unused = { http: false, stream: false, udp: false };
  const tls = resolveTls(spec, { namespace, uid, world, before: before.credentials });
  const backends = spec.backends.map((backend, i) => ({
    name: backend.name,
    ...resolveBackend(backend, {
      spec,
      namespace,
      world,
      use: uses.get(backend.name) ?? unused,
      path: `spec.backends[${i}]`,
      before: before.steps?.get(backend.name),
    }),
  }));
  // A person's hand on an endpoint takes effect whatever else of the spec waits.
  const { endpoints, stale, nextExpiry } = applyOverrides(
    new Map(backends.map((backend) => [backend.name, backend.endpoints])),
    current.endpointOverrides ?? [],
    world.now,
  );
  const appProtocols = new Map(backends.map((backend) => [backend.name, backend.appProtocol]));
  const again = Math.min(nextExpiry ?? Number.POSITIVE_INFINITY, tls.nextCheck ?? Number.POSITIVE_INFINITY);
  return {
    problems: [
      ...tls.problems,
      ...backends.flatMap(({ problems }) => problems),
      ...unusedBackends(spec, uses),
    ],
    credentials: tls.credentials,
    intent: {
      namespace,
      name,
      uid,
      createdAt: Date.parse(creationTimestamp),
      generation,
      config: resolveConfig(spec, { appProtocols, tls }),
      endpoints,
    },
    steps: new Map(backends.flatMap(({ name: of, steps }) => (steps === undefined ? [] : [[of, steps]]))),
    staleOverrides: stale,
    ...(Number.isFinite(again) ? { nextExpiry: again } : {}),
  };
}
