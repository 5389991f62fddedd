import type { Lifecycle, Listener, PoolConfig, Retries } from '../../api/snapshot.ts';
import { hashKeyOf } from '../balancer/hash-key.ts';
import type { RouteMeter } from '../observe/traffic-meter.ts';
import { type AccessCheck, compileAccess } from '../routing/access-rules.ts';
import { compileFilters, type RouteFilters } from '../routing/filters.ts';
import { type CompiledRateLimit, compileRateLimit } from '../routing/rate-limit.ts';
import type { RouteTable, Rule } from '../routing/route-table.ts';
import type { RouteSource } from '../routing/rule.ts';
import { CookieAffinity } from '../upstream/affinity.ts';
import type { BackendSelector } from '../upstream/backend-selector.ts';
import type { WaitLimits } from '../upstream/wait-queue.ts';
import type { WorkerContext } from '../worker/context.ts';
import type { PoolRuntime } from '../worker/pool-runtime.ts';
import type { RequestView } from './request-view.ts';
import type { RetryBudget } from './retry-budget.ts';

/** All that a request needs to know of the route that takes it, on one listener. Milliseconds; Infinity: no limit. */
export interface RouteTarget {
  readonly listener: Listener;
  readonly selector: BackendSelector;
  readonly meter: RouteMeter;
  readonly access: AccessCheck | undefined;
  readonly rateLimit: CompiledRateLimit | undefined;
  readonly filters: RouteFilters;
  readonly hashKey: (request: RequestView) => number;
  readonly affinity: CookieAffinity | undefined;
  readonly retries: Retries;
  readonly budget: RetryBudget;
  readonly connectMs: number;
  readonly hedgeDelayMs: number | undefined;
  readonly responseHeaderMs: number;
  readonly perTryMs: number;
  readonly backendRequestMs: number;
  readonly requestMs: number;
  readonly idleMs: number;
  readonly maxBodyBytes: number;
  /** Requests in flight at which an endpoint is full. */
  readonly maxInFlight: number;
  readonly queue: WaitLimits | undefined;
  readonly noEndpoints: Lifecycle['noEndpoints'];
  /** How long a request may go on after its endpoint has begun to leave. */
  readonly drainMs: number;
  /** Backends are told whose connection each is, so that no two clients share one. */
  readonly proxyOut: PoolConfig['backendProxyProtocol'];
}

export type HttpRule = Rule<PoolRuntime, RouteTarget>;
export type HttpRouteTable = RouteTable<PoolRuntime, RouteTarget>;

export function compileTarget(
  { pool, listener, route }: RouteSource<PoolRuntime>,
  budget: RetryBudget,
  context: WorkerContext,
): RouteTarget {
  const { config } = pool;
  const { timeouts, limits, retries, connectHedgeDelayMs } = config.resilience;
  const { sessionAffinity } = config;
  return {
    listener,
    selector: pool.selector(route),
    meter: context.traffic.route(`${pool.namespace}/${pool.name}`, route?.name ?? ''),
    access: compileAccess([listener.accessRules, route?.accessRules]),
    rateLimit: route === undefined ? undefined : compileRateLimit(pool.uid, route),
    filters: compileFilters(route?.filters ?? []),
    hashKey: hashKeyOf(config.loadBalancing),
    affinity:
      sessionAffinity.type === 'Cookie' ? new CookieAffinity(pool.uid, sessionAffinity.cookie) : undefined,
    retries,
    budget,
    connectMs: timeouts.connectMs,
    hedgeDelayMs: connectHedgeDelayMs,
    responseHeaderMs: timeouts.responseHeaderMs,
    perTryMs: retries.perTryTimeoutMs ?? Infinity,
    backendRequestMs: route?.timeouts.backendRequestMs ?? Infinity,
    requestMs: route?.timeouts.requestMs ?? Infinity,
    idleMs: listener.timeouts.idleMs,
    maxBodyBytes: listener.limits.maxRequestBodyBytes ?? Infinity,
    // An HTTP/1.1 request has a connection to itself.
    maxInFlight: Math.min(
      limits.maxRequestsPerEndpoint ?? Infinity,
      limits.maxConnectionsPerEndpoint ?? Infinity,
    ),
    queue: limits.queue,
    noEndpoints: config.lifecycle.noEndpoints,
    drainMs: config.lifecycle.drainTimeoutMs,
    proxyOut: config.backendProxyProtocol,
  };
}
