import type { LoadBalancingSpec, PoolSpec, ResilienceSpec, SessionAffinitySpec } from '../../api/pool.gen.ts';
import type {
  Backend,
  LoadBalancing,
  PoolConfig,
  Resilience,
  Retries,
  SessionAffinity,
} from '../../api/snapshot.ts';
import { UNION_DEFAULTS } from '../../api/union-defaults.gen.ts';
import { resolveActiveCheck, resolveFailOpen, resolvePassive } from './health-check.ts';
import { resolveListener } from './listeners.ts';
import { resolveRefs, resolveRoute } from './routes.ts';
import type { ResolvedTls } from './tls.ts';
import { durationMs } from './units.ts';

/** A spec that is resolved again gives the same object, so that an unchanged configuration is seen at a glance. */
const resolved = new WeakMap<PoolSpec, { found: string; config: PoolConfig }>();

/** What a spec's references have led to, as far as it is part of the configuration. */
interface Found {
  /** What each backend speaks, by name. */
  readonly appProtocols: ReadonlyMap<string, Backend['appProtocol']>;
  readonly tls: Pick<ResolvedTls, 'listeners' | 'backends'>;
}

/**
 * What the spec alone says, with units normalised, the defaults of absent union members filled in, and lists without
 * an order of their own sorted. The spec has passed validation and has its defaults.
 */
export function resolveConfig(spec: PoolSpec, found: Found): PoolConfig {
  const { appProtocols, tls } = found;
  const text = JSON.stringify([[...appProtocols], [...tls.listeners], [...tls.backends]]);
  const known = resolved.get(spec);
  if (known?.found === text) return known.config;
  const config = resolveConfigAnew(spec, found);
  resolved.set(spec, { found: text, config });
  return config;
}

function resolveConfigAnew(spec: PoolSpec, { appProtocols, tls }: Found): PoolConfig {
  const { healthCheck, lifecycle, defaultBackendRefs = [], routes = [] } = spec;
  return {
    listeners: spec.listeners
      .map((listener) => resolveListener(listener, tls.listeners.get(listener.name)))
      .toSorted(compareNames),
    backends: spec.backends
      .map(({ name, healthCheck: own }): Backend => {
        const active = own === undefined ? healthCheck.active : own.active;
        const secured = tls.backends.get(name);
        const appProtocol = appProtocols.get(name) ?? 'http1';
        return {
          name,
          appProtocol,
          ...(secured === undefined ? {} : { tls: secured }),
          ...(active === undefined
            ? {}
            : { healthCheck: resolveActiveCheck(active, appProtocol, spec.backendProxyProtocol) }),
        };
      })
      .toSorted(compareNames),
    routes: routes.map((route) => resolveRoute(route, defaultBackendRefs)),
    defaultBackendRefs: resolveRefs(defaultBackendRefs),
    loadBalancing: resolveLoadBalancing(spec.loadBalancing),
    sessionAffinity: resolveAffinity(spec.sessionAffinity),
    passive: resolvePassive(healthCheck.passive),
    failOpen: resolveFailOpen(healthCheck.failOpen),
    resilience: resolveResilience(spec.resilience),
    lifecycle: {
      drainTimeoutMs: durationMs(lifecycle.drainTimeout),
      noEndpoints: { ...lifecycle.noEndpoints },
    },
    ...(spec.backendProxyProtocol === undefined ? {} : { backendProxyProtocol: spec.backendProxyProtocol }),
  };
}

function compareNames(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

function resolveLoadBalancing(spec: LoadBalancingSpec): LoadBalancing {
  const { algorithm, consistentHash, slowStart, locality, failover } = spec;
  return {
    algorithm,
    ...(consistentHash === undefined ? {} : { consistentHash: { ...consistentHash } }),
    ...(slowStart === undefined
      ? {}
      : {
          slowStart: {
            windowMs: durationMs(slowStart.window),
            minWeightPercent: slowStart.minWeightPercent,
          },
        }),
    locality: locality.mode,
    failover: {
      minHealthyPercent: failover.minHealthyPercent,
      failbackDelayMs: durationMs(failover.failbackDelay),
    },
  };
}

function resolveAffinity({
  type,
  cookie = UNION_DEFAULTS.AffinityCookie,
}: SessionAffinitySpec): SessionAffinity {
  if (type === 'None') return { type };
  const { name, ttl } = cookie;
  return { type, cookie: { name, ...(ttl === undefined ? {} : { ttlMs: durationMs(ttl) }) } };
}

function resolveResilience(spec: ResilienceSpec): Resilience {
  const { timeouts, connectHedgeDelay, limits = {} } = spec;
  const { maxConnectionsPerEndpoint, maxRequestsPerEndpoint, queue } = limits;
  return {
    timeouts: {
      connectMs: durationMs(timeouts.connect),
      responseHeaderMs: durationMs(timeouts.responseHeader),
    },
    ...(connectHedgeDelay === undefined ? {} : { connectHedgeDelayMs: durationMs(connectHedgeDelay) }),
    retries: resolveRetries(spec.retries),
    limits: {
      ...(maxConnectionsPerEndpoint === undefined ? {} : { maxConnectionsPerEndpoint }),
      ...(maxRequestsPerEndpoint === undefined ? {} : { maxRequestsPerEndpoint }),
      ...(queue === undefined ? {} : { queue: { max: queue.max, timeoutMs: durationMs(queue.timeout) } }),
    },
  };
}

function resolveRetries({
  attempts,
  retryOn,
  statusCode,
  perTryTimeout,
  budget,
  bufferBytes,
}: ResilienceSpec['retries']): Retries {
  return {
    attempts,
    retryOn: retryOn.toSorted(),
    statusCodes: (statusCode?.codes ?? []).toSorted((a, b) => a - b),
    ...(perTryTimeout === undefined ? {} : { perTryTimeoutMs: durationMs(perTryTimeout) }),
    budget: { ...budget },
    bufferBytes,
  };
}
