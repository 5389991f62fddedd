import type { PoolSpec } from '../../api/pool.gen.ts';
import type { LoadBalancerPool } from '../../api/pool.ts';
import type { Problem } from '../../api/problem.ts';
import type { Endpoint, PoolConfig } from '../../api/snapshot.ts';
import { backendUses } from './backend-uses.ts';
import { resolveBackend } from './backends.ts';
import { applyOverrides } from './overrides.ts';
import { resolveConfig } from './pool-config.ts';
import { specProblems, unusedBackends } from './spec-problems.ts';
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
  /** Names of endpoint overrides without effect, sorted. */
  readonly staleOverrides: readonly string[];
  /** Resolve again by then (milliseconds since the epoch) even if nothing changes: an override expires. */
  readonly nextExpiry?: number;
}

/**
 * What a pool means in this world: references resolved, units normalised, every problem collected.
 *
 * A spec that cannot be accepted, or that is paused, changes nothing: `lastGood` goes on, with the endpoints of today.
 * @param pool has passed `api/validate`
 * @param lastGood `served` of the previous resolution of this pool, if there was one
 */
export function resolvePool(pool: LoadBalancerPool, world: World, lastGood?: PoolSpec): Resolution {
  const refused = specProblems(pool, world);
  const isHeld = pool.spec.paused && lastGood !== undefined;
  const served = refused.length > 0 || isHeld ? lastGood : pool.spec;
  if (served === undefined) return { problems: refused, staleOverrides: [] };

  const { problems, intent, staleOverrides, nextExpiry } = resolveSpec(served, pool, world);
  return {
    problems: [...refused, ...problems],
    served,
    intent,
    staleOverrides,
    ...(nextExpiry === undefined ? {} : { nextExpiry }),
  };
}

function resolveSpec(
  spec: PoolSpec,
  { metadata, spec: current }: LoadBalancerPool,
  world: World,
): Resolution & { readonly intent: PoolIntent } {
  const { namespace, name, uid, generation, creationTimestamp } = metadata;
  const uses = backendUses(spec);
  const unused = { http: false, stream: false, udp: false };
  const backends = spec.backends.map((backend, i) => ({
    name: backend.name,
    ...resolveBackend(backend, {
      spec,
      namespace,
      world,
      use: uses.get(backend.name) ?? unused,
      path: `spec.backends[${i}]`,
    }),
  }));
  // A person's hand on an endpoint takes effect whatever else of the spec waits.
  const { endpoints, stale, nextExpiry } = applyOverrides(
    new Map(backends.map((backend) => [backend.name, backend.endpoints])),
    current.endpointOverrides ?? [],
    world.now,
  );
  const appProtocols = new Map(backends.map((backend) => [backend.name, backend.appProtocol]));
  return {
    problems: [...backends.flatMap(({ problems }) => problems), ...unusedBackends(spec, uses)],
    intent: {
      namespace,
      name,
      uid,
      createdAt: Date.parse(creationTimestamp),
      generation,
      config: resolveConfig(spec, appProtocols),
      endpoints,
    },
    staleOverrides: stale,
    ...(nextExpiry === undefined ? {} : { nextExpiry }),
  };
}
