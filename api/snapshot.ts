/**
 * What a proxy serves from: one immutable `PoolSnapshot` a pool, made by the controller (or by standalone)
 * from a LoadBalancerPool whose defaults are filled in, references resolved and units normalised.
 *
 * Everything here is plain data, deeply readonly, compared by value: it crosses the control stream, the disk
 * and the worker threads. Names are those of the resource (`crds/loadbalancerpools.yaml`); times are
 * milliseconds (`…Ms`), sizes are bytes (`…Bytes`). An absent optional member means "not set".
 */

export interface PoolSnapshot {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Milliseconds since the epoch; the older pool wins a conflict, ties go to the smaller namespace/name. */
  readonly createdAt: number;
  readonly generation: number;
  /** `sha256:…` over the canonical form of `config` and `endpoints` (api/digest.ts). */
  readonly digest: string;
  readonly config: PoolConfig;
  /** One entry for each backend of `config.backends`, by its name. */
  readonly endpoints: Readonly<Record<string, readonly Endpoint[]>>;
}

export interface PoolConfig {
  readonly listeners: readonly Listener[];
  readonly backends: readonly Backend[];
  readonly routes: readonly Route[];
  readonly defaultBackendRefs: readonly BackendRef[];
  readonly loadBalancing: LoadBalancing;
  readonly sessionAffinity: SessionAffinity;
  readonly passive: PassiveHealth;
  readonly failOpen: FailOpen;
  readonly resilience: Resilience;
  readonly lifecycle: Lifecycle;
  readonly backendProxyProtocol?: 'V1' | 'V2';
}

// ---- listeners --------------------------------------------------------------------------------

export type Protocol = 'TCP' | 'TLS' | 'UDP' | 'HTTP' | 'HTTPS';

export interface Listener {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** Absent: the proxy's bind address. */
  readonly address?: string;
  /** Lower case; `*.example.com` takes one or more whole labels at the left. Empty: every host. */
  readonly hostnames: readonly string[];
  /** With HTTPS and TLS, and only then. */
  readonly tls?: ListenerTLS;
  readonly proxyProtocol?: {
    readonly mode: 'Optional' | 'Required';
    readonly trustedCIDRs: readonly string[];
  };
  readonly clientIP: ClientIP;
  readonly limits: ListenerLimits;
  readonly timeouts: ListenerTimeouts;
  readonly accessRules: { readonly allowCIDRs: readonly string[]; readonly denyCIDRs: readonly string[] };
  readonly udp?: UdpSessions;
}

export type ListenerTLS =
  /** The bytes go on as they are, routed by the server name in the ClientHello. */
  | { readonly mode: 'Passthrough' }
  | {
      readonly mode: 'Terminate';
      /** In the resource's order; the first is for clients that name no host. Empty: no handshake comes about. */
      readonly certificates: readonly ServerCertificate[];
      /** Secrets whose certificates the controller could never read: who served some goes on (api/unresolved.ts). */
      readonly unresolved?: readonly string[];
      readonly minVersion: '1.2' | '1.3';
      readonly cipherPolicy: 'Modern' | 'Compatible';
      /** Absent: clients are not asked for a certificate. */
      readonly clientValidation?: {
        readonly mode: 'Required' | 'Optional';
        /** PEM: who may have signed a client's certificate. */
        readonly ca: string;
        /** As above, such as `ConfigMap/clients`; then `ca` is what could be read, or empty. */
        readonly unresolved?: readonly string[];
      };
      /**
       * What the keys of session tickets are derived from, the same on every proxy. Absent: a session is resumed
       * only where it began.
       */
      readonly ticketSecret?: string;
    };

/** A certificate with its key, both in PEM. The key is never shown: api/redact.ts. */
export interface KeyPair {
  /** The leaf first, then what it needs to be believed. */
  readonly chain: string;
  readonly privateKey: string;
}

export interface ServerCertificate extends KeyPair {
  /** The Secret that it comes from, for people. */
  readonly secret: string;
  /** Hosts that it is for, lower case; `*.example.com` takes one label. */
  readonly names: readonly string[];
  readonly keyType: 'RSA' | 'ECDSA' | 'EdDSA';
  /** Milliseconds since the epoch: when the first of the chain ends. */
  readonly notAfter: number;
}

export type ClientIP =
  | { readonly source: 'Connection' }
  | {
      readonly source: 'XForwardedFor';
      readonly trustedHops: number;
      readonly trustedCIDRs: readonly string[];
    };

export interface ListenerLimits {
  /** Absent: derived from the file-descriptor limit. */
  readonly maxConnections?: number;
  readonly maxRequestBodyBytes?: number;
  readonly bodyMatchBytes: number;
}

export interface ListenerTimeouts {
  readonly requestHeaderMs: number;
  readonly tlsHandshakeMs: number;
  readonly bodyMatchMs: number;
  readonly idleMs: number;
}

export interface UdpSessions {
  readonly sessionIdleTimeoutMs: number;
  readonly maxSessions: number;
  readonly sessionKey: 'FiveTuple' | 'SourceIP';
  /** Bytes that a client may get for each that it has sent. Absent: no bound. */
  readonly maxAmplification?: number;
}

// ---- backends and their endpoints -------------------------------------------------------------

export interface Backend {
  readonly name: string;
  /** How to speak to it where that is HTTP: `kubernetes.io/h2c` (and `grpc`, of a Service) makes it `h2c`. */
  readonly appProtocol: 'http1' | 'h2c';
  /** Absent: it is spoken to in clear. */
  readonly tls?: BackendTLS;
  /** Absent: no probes; readiness and passive observation alone. */
  readonly healthCheck?: ActiveCheck;
}

export interface BackendTLS {
  /** `SkipVerify`: encrypted, and nobody knows to whom. */
  readonly mode: 'Verify' | 'SkipVerify';
  /** Sent in the handshake, and with `Verify` the name that the certificate has to carry. */
  readonly serverName?: string;
  /** PEM, with `Verify` only. Absent: the proxy's own trust store. */
  readonly ca?: string;
  /** What the proxy shows when it is asked. */
  readonly clientCertificate?: KeyPair;
  /** Where the controller could never read what is absent here, such as `ConfigMap/backend-ca` (api/unresolved.ts). */
  readonly unresolved?: { readonly ca?: string; readonly clientCertificate?: string };
}

/** Where the endpoint's resource says it stands; what probes and traffic say is the proxy's verdict. */
export type EndpointCondition =
  /** May take traffic (also a terminating one that still serves, when its backend has no ready one left). */
  | 'Ready'
  /** Terminating but serving: keeps its connections and bound sessions, takes nothing new. */
  | 'Terminating'
  /** Takes nothing. */
  | 'NotReady';

export interface Endpoint {
  /** An IP address in canonical text form. */
  readonly address: string;
  readonly port: number;
  /** `targetRef.uid` of the pod, or `static`. With pool uid, backend, address and port: the identity. */
  readonly targetUid: string;
  readonly condition: EndpointCondition;
  /** 0..1,000,000; used by algorithms that use weights. */
  readonly weight: number;
  readonly zone?: string;
  readonly nodeName?: string;
  readonly podName?: string;
  /** Place in the list of a Static backend: that order is kept. Endpoints of a Service have none. */
  readonly position?: number;
  /** A person's hand on it (`spec.endpointOverrides`). */
  readonly override?: 'Drain' | 'Exclude';
}

export interface BackendRef {
  readonly name: string;
  readonly weight: number;
  /** Lower is preferred. */
  readonly priority: number;
}

// ---- routes -----------------------------------------------------------------------------------

export interface Route {
  readonly name: string;
  /** Names of listeners; empty: every HTTP and HTTPS listener of the pool. */
  readonly listeners: readonly string[];
  /** Empty: the listener's. */
  readonly hostnames: readonly string[];
  /** OR between items, AND inside one; empty: matches everything. */
  readonly matches: readonly RouteMatch[];
  readonly backendRefs: readonly BackendRef[];
  readonly timeouts: { readonly requestMs?: number; readonly backendRequestMs?: number };
  readonly rateLimit?: RateLimit;
  readonly filters: readonly Filter[];
  readonly accessRules?: { readonly allowCIDRs: readonly string[]; readonly denyCIDRs: readonly string[] };
}

export interface RouteMatch {
  readonly path?: PathMatch;
  /** Empty: every method. */
  readonly methods: readonly string[];
  /** Names are lower case. */
  readonly headers: readonly NamedMatch[];
  readonly queryParams: readonly NamedMatch[];
  readonly cookies: readonly NamedMatch[];
  readonly sourceCIDRs: readonly string[];
  readonly body?: BodyMatch;
}

export interface PathMatch {
  readonly type: 'Exact' | 'PathPrefix' | 'RegularExpression';
  readonly value: string;
}

export type NamedMatch =
  | { readonly name: string; readonly type: 'Exact' | 'RegularExpression'; readonly value: string }
  | { readonly name: string; readonly type: 'Present' | 'Absent' };

export interface BodyMatch {
  readonly type: 'JSON';
  /** A singular JSONPath query (RFC 9535 section 2.3.5.1). */
  readonly jsonPath: string;
  readonly value: ValueMatch;
  readonly onUnreadable: 'NoMatch' | 'Reject';
}

export type ValueMatch =
  | { readonly type: 'Exact' | 'RegularExpression'; readonly value: string }
  | { readonly type: 'Present' | 'Absent' };

export interface RateLimit {
  readonly requests: number;
  readonly perMs: number;
  readonly burst: number;
  readonly key: { readonly type: 'ClientIP' } | { readonly type: 'Header'; readonly name: string };
}

export interface HeaderChanges {
  readonly set: readonly { readonly name: string; readonly value: string }[];
  readonly add: readonly { readonly name: string; readonly value: string }[];
  readonly remove: readonly string[];
}

/** Shapes of the Gateway API's HTTPRouteFilter. */
export type Filter =
  | ({ readonly type: 'RequestHeaderModifier' } & HeaderChanges)
  | ({ readonly type: 'ResponseHeaderModifier' } & HeaderChanges)
  | { readonly type: 'URLRewrite'; readonly hostname?: string; readonly path?: PathModifier }
  | {
      readonly type: 'RequestRedirect';
      readonly scheme?: 'http' | 'https';
      readonly hostname?: string;
      readonly path?: PathModifier;
      readonly port?: number;
      readonly statusCode: 301 | 302 | 303 | 307 | 308;
    }
  | ({ readonly type: 'DirectResponse'; readonly statusCode: number } & LocalBody);

/** What the proxy says itself. */
export interface LocalBody {
  /** Absent: plain text. */
  readonly contentType?: string;
  /** Absent: no body of its own. */
  readonly body?: string;
}

export type PathModifier =
  | { readonly type: 'ReplaceFullPath'; readonly value: string }
  | { readonly type: 'ReplacePrefixMatch'; readonly value: string };

// ---- balancing --------------------------------------------------------------------------------

export type Algorithm =
  | 'RoundRobin'
  | 'WeightedRoundRobin'
  | 'LeastConnections'
  | 'PowerOfTwoChoices'
  | 'Random'
  | 'LeastLatency'
  | 'SourceIPHash'
  | 'ConsistentHash';

export interface LoadBalancing {
  readonly algorithm: Algorithm;
  /** With `ConsistentHash` only. */
  readonly consistentHash?: HashKey;
  readonly slowStart?: { readonly windowMs: number; readonly minWeightPercent: number };
  readonly locality: 'Any' | 'PreferZone' | 'PreferNode';
  readonly failover: { readonly minHealthyPercent: number; readonly failbackDelayMs: number };
}

export interface HashKey {
  readonly key: 'Header' | 'Cookie' | 'QueryParam';
  readonly name: string;
}

export type SessionAffinity =
  | { readonly type: 'None' }
  | { readonly type: 'Cookie'; readonly cookie: { readonly name: string; readonly ttlMs?: number } };

// ---- health -----------------------------------------------------------------------------------

export interface ActiveCheck {
  readonly intervalMs: number;
  readonly unhealthyIntervalMs: number;
  readonly timeoutMs: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
  readonly initialState: 'Healthy' | 'Unhealthy';
  /** Absent: the serving port. */
  readonly port?: number;
  /** Begin each probe with this header, as the traffic to that port does. */
  readonly proxyProtocol?: 'V1' | 'V2';
  readonly probe: ProbeConfig;
}

export type ProbeConfig =
  | { readonly type: 'TCP'; readonly send?: string; readonly expect?: string }
  | { readonly type: 'UDP'; readonly send: string; readonly expect?: string }
  | {
      readonly type: 'HTTP';
      /** Absent: HTTP/1.1. */
      readonly version?: 'HTTP/2';
      readonly path: string;
      readonly method: string;
      readonly host?: string;
      readonly headers: readonly { readonly name: string; readonly value: string }[];
      readonly expectedStatuses: readonly { readonly start: number; readonly end: number }[];
      readonly expectedBody?: string;
    }
  | { readonly type: 'GRPC'; readonly service: string }
  /** An HTTP prober that is asked about each endpoint. */
  | { readonly type: 'Custom'; readonly url: string };

export type PassiveHealth =
  | { readonly mode: 'Disabled' }
  | {
      readonly mode: 'Enabled';
      readonly consecutiveFailures: number;
      readonly baseEjectionMs: number;
      readonly maxEjectionMs: number;
      readonly maxEjectionPercent: number;
    };

export type FailOpen =
  | { readonly mode: 'WhenNoneHealthy' }
  | { readonly mode: 'Never' }
  | { readonly mode: 'BelowPercent'; readonly percent: number };

// ---- when things go wrong ---------------------------------------------------------------------

export type RetryCondition =
  | 'ConnectFailure'
  | 'RefusedStream'
  | 'ResetBeforeResponse'
  | 'Timeout'
  | 'StatusCode';

export interface Resilience {
  readonly timeouts: { readonly connectMs: number; readonly responseHeaderMs: number };
  /** Absent: no hedged connects. */
  readonly connectHedgeDelayMs?: number;
  readonly retries: Retries;
  /** Per proxy. */
  readonly limits: {
    readonly maxConnectionsPerEndpoint?: number;
    readonly maxRequestsPerEndpoint?: number;
    readonly queue?: { readonly max: number; readonly timeoutMs: number };
  };
}

export interface Retries {
  /** Further attempts after the first; 0: none. */
  readonly attempts: number;
  readonly retryOn: readonly RetryCondition[];
  /** With `StatusCode` in `retryOn` only. */
  readonly statusCodes: readonly number[];
  readonly perTryTimeoutMs?: number;
  /** Retries that repeat a request which was sent, as a share of the requests of the last 10 s. */
  readonly budget: { readonly percent: number; readonly minPerSecond: number };
  readonly bufferBytes: number;
}

export interface Lifecycle {
  readonly drainTimeoutMs: number;
  readonly noEndpoints: { readonly statusCode: number; readonly retryAfterSeconds?: number } & LocalBody;
}
