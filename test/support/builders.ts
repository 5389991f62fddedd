import type {
  ActiveCheck,
  Backend,
  BackendRef,
  Endpoint,
  Listener,
  PoolConfig,
  PoolSnapshot,
  Resilience,
  Route,
  RouteMatch,
} from '../../api/snapshot.ts';

/** Builders for snapshots as resolve makes them, with the resource's defaults; a test names what it is about. */

export function listener(over: Partial<Listener> = {}): Listener {
  return {
    name: 'web',
    protocol: 'HTTP',
    port: 8080,
    hostnames: [],
    clientIP: { source: 'Connection' },
    limits: { bodyMatchBytes: 65_536 },
    timeouts: { requestHeaderMs: 10_000, tlsHandshakeMs: 5_000, bodyMatchMs: 5_000, idleMs: 60_000 },
    accessRules: { allowCIDRs: [], denyCIDRs: [] },
    ...over,
  };
}

export function backend(over: Partial<Backend> = {}): Backend {
  return { name: 'v1', appProtocol: 'http1', ...over };
}

export function endpoint(over: Partial<Endpoint> = {}): Endpoint {
  return {
    address: '127.0.0.1',
    port: 9000,
    targetUid: 'static',
    condition: 'Ready',
    weight: 1,
    ...over,
  };
}

export function backendRef(over: Partial<BackendRef> = {}): BackendRef {
  return { name: 'v1', weight: 1, priority: 0, ...over };
}

export function routeMatch(over: Partial<RouteMatch> = {}): RouteMatch {
  return { methods: [], headers: [], queryParams: [], cookies: [], sourceCIDRs: [], ...over };
}

export function route(over: Partial<Route> = {}): Route {
  return {
    name: 'r',
    listeners: [],
    hostnames: [],
    matches: [],
    backendRefs: [backendRef()],
    timeouts: {},
    filters: [],
    ...over,
  };
}

export function activeCheck(over: Partial<ActiveCheck> = {}): ActiveCheck {
  return {
    intervalMs: 5_000,
    unhealthyIntervalMs: 1_000,
    timeoutMs: 2_000,
    healthyThreshold: 2,
    unhealthyThreshold: 3,
    initialState: 'Unhealthy',
    probe: { type: 'TCP' },
    ...over,
  };
}

export function resilience(over: Partial<Resilience> = {}): Resilience {
  return {
    timeouts: { connectMs: 2_000, responseHeaderMs: 60_000 },
    connectHedgeDelayMs: 250,
    retries: {
      attempts: 1,
      retryOn: ['ConnectFailure', 'RefusedStream', 'ResetBeforeResponse'],
      statusCodes: [],
      budget: { percent: 20, minPerSecond: 10 },
      bufferBytes: 65_536,
    },
    limits: {},
    ...over,
  };
}

export function poolConfig(over: Partial<PoolConfig> = {}): PoolConfig {
  return {
    listeners: [listener()],
    backends: [backend()],
    routes: [],
    defaultBackendRefs: [backendRef()],
    loadBalancing: {
      algorithm: 'RoundRobin',
      locality: 'Any',
      failover: { minHealthyPercent: 50, failbackDelayMs: 30_000 },
    },
    sessionAffinity: { type: 'None' },
    passive: {
      mode: 'Enabled',
      consecutiveFailures: 5,
      baseEjectionMs: 30_000,
      maxEjectionMs: 300_000,
      maxEjectionPercent: 50,
    },
    failOpen: { mode: 'WhenNoneHealthy' },
    resilience: resilience(),
    lifecycle: { drainTimeoutMs: 30_000, noEndpoints: { statusCode: 503, retryAfterSeconds: 1 } },
    ...over,
  };
}

export function poolSnapshot(over: Partial<PoolSnapshot> = {}): PoolSnapshot {
  return {
    namespace: 'default',
    name: 'pool',
    uid: 'uid-1',
    createdAt: 0,
    generation: 1,
    digest: 'sha256:test',
    config: poolConfig(),
    endpoints: { v1: [endpoint()] },
    ...over,
  };
}
