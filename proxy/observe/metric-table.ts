import type { MetricSpec } from '../../lib/metric-spec.ts';

const POOL = '`namespace/name` of the pool';
const ROUTE = 'name of the route; empty for what the default backends took';
const BACKEND = 'name of the backend in the pool';
const ENDPOINT = '`address:port`; only for as many endpoints as `--endpoint-metrics` says';
const STATE = '`Healthy`, `Unhealthy`, `Draining` or `Excluded`';

/** Everything that a proxy counts. Series of a pool that is gone are gone too. */
export const PROXY_METRICS = {
  requests: {
    name: 'evenkeel_requests_total',
    type: 'counter',
    help: 'Requests by status; sessions of TCP and UDP have code 0.',
    labels: {
      pool: POOL,
      route: ROUTE,
      code: 'HTTP status sent; 499 when the client left first; 0 for a session',
    },
  },
  grpcCalls: {
    name: 'evenkeel_grpc_calls_total',
    type: 'counter',
    help: 'gRPC calls by the status that they ended with; those are HTTP requests of code 200, too.',
    labels: { pool: POOL, route: ROUTE, grpc_status: 'number of the gRPC status' },
  },
  versions: {
    name: 'evenkeel_http_requests_total',
    type: 'counter',
    help: 'HTTP requests by the version that the client spoke.',
    labels: { pool: POOL, route: ROUTE, protocol: '`HTTP/1.0`, `HTTP/1.1` or `HTTP/2`' },
  },
  errors: {
    name: 'evenkeel_request_errors_total',
    type: 'counter',
    help: 'Requests and sessions that failed, by error code.',
    labels: {
      pool: POOL,
      route: ROUTE,
      error: 'a code of [troubleshooting](troubleshooting.md#error-codes)',
    },
  },
  failed: {
    name: 'evenkeel_failed_requests_total',
    type: 'counter',
    help: 'Requests answered with a 5xx status by anybody (for gRPC: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE or DATA_LOSS), and sessions that failed.',
    labels: { pool: POOL, route: ROUTE },
  },
  retries: {
    name: 'evenkeel_retries_total',
    type: 'counter',
    help: 'Attempts after the first.',
    labels: { pool: POOL, route: ROUTE },
  },
  received: {
    name: 'evenkeel_received_bytes_total',
    type: 'counter',
    help: 'Body and payload bytes from clients.',
    labels: { pool: POOL, route: ROUTE },
  },
  sent: {
    name: 'evenkeel_sent_bytes_total',
    type: 'counter',
    help: 'Body and payload bytes to clients.',
    labels: { pool: POOL, route: ROUTE },
  },
  duration: {
    name: 'evenkeel_request_duration_seconds',
    type: 'histogram',
    help: 'From the first byte of a request to the last of its response; length of a session for TCP and UDP.',
    labels: { pool: POOL, route: ROUTE },
  },
  refused: {
    name: 'evenkeel_refused_requests_total',
    type: 'counter',
    help: 'Requests, and connections, that were turned away before they had a route, by reason.',
    labels: {
      reason:
        'what was wrong with a [malformed message](troubleshooting.md#malformed-messages), else the [error code](troubleshooting.md#error-codes)',
    },
  },
  droppedAnswers: {
    name: 'evenkeel_udp_answers_dropped_total',
    type: 'counter',
    help: 'Datagrams from endpoints that were more than `udp.maxAmplification` lets a client have.',
    labels: {},
  },
  accessLogFailures: {
    name: 'evenkeel_access_log_failures_total',
    type: 'counter',
    help: 'Writes of the access log that failed; up to 1 MiB a thread waits for the next, and more is lost.',
    labels: {},
  },
  handshakes: {
    name: 'evenkeel_tls_handshakes_total',
    type: 'counter',
    help: 'TLS handshakes with clients.',
    labels: { version: '`TLSv1.2` or `TLSv1.3`', resumed: 'whether it resumed an earlier session' },
  },
  failedHandshakes: {
    name: 'evenkeel_tls_handshake_failures_total',
    type: 'counter',
    help: 'TLS handshakes with clients that did not come about, by reason.',
    labels: { reason: 'see [TLS](tls.md#handshakes-that-fail)' },
  },
  certificateEnd: {
    name: 'evenkeel_certificate_not_after_timestamp_seconds',
    type: 'gauge',
    help: 'When the certificates that listeners serve with end, in seconds since the epoch.',
    labels: { pool: POOL, listener: 'name of the listener', secret: 'name of the Secret' },
  },
  endpoints: {
    name: 'evenkeel_endpoints',
    type: 'gauge',
    help: 'Endpoints by state.',
    labels: { pool: POOL, backend: BACKEND, state: STATE },
  },
  endpointAttempts: {
    name: 'evenkeel_endpoint_attempts_total',
    type: 'counter',
    help: 'Attempts of requests, and sessions, that have ended at an endpoint; retries are attempts of their own.',
    labels: { pool: POOL, backend: BACKEND, endpoint: ENDPOINT },
  },
  endpointFailures: {
    name: 'evenkeel_endpoint_failed_attempts_total',
    type: 'counter',
    help: 'Of those, the ones that failed for a reason that counts against the endpoint, a 500, 502, 503 or 504 included.',
    labels: { pool: POOL, backend: BACKEND, endpoint: ENDPOINT },
  },
  endpointInFlight: {
    name: 'evenkeel_endpoint_in_flight',
    type: 'gauge',
    help: 'Requests and sessions that an endpoint has now.',
    labels: { pool: POOL, backend: BACKEND, endpoint: ENDPOINT },
  },
  endpointsWithoutSeries: {
    name: 'evenkeel_endpoints_without_series',
    type: 'gauge',
    help: 'Endpoints without series of their own, since `--endpoint-metrics` has no room for all of their pool.',
    labels: {},
  },
  transitions: {
    name: 'evenkeel_endpoint_transitions_total',
    type: 'counter',
    help: 'Changes of state of endpoints, by what they became and who said so.',
    labels: {
      pool: POOL,
      backend: BACKEND,
      state: STATE,
      source: '`Readiness`, `Active`, `Passive` or `Override`',
      reason: 'a reason of [troubleshooting](troubleshooting.md#reasons-of-endpoints)',
    },
  },
  openConnections: {
    name: 'evenkeel_client_connections',
    type: 'gauge',
    help: 'Connections of clients that are open, WebSockets and idle ones included; with UDP, flows.',
    labels: {},
  },
  openRequests: {
    name: 'evenkeel_requests_in_flight',
    type: 'gauge',
    help: 'HTTP requests under way, gRPC calls and WebSockets among them.',
    labels: {},
  },
  waitingRequests: {
    name: 'evenkeel_requests_waiting',
    type: 'gauge',
    help: 'Of requests and sessions, those that wait for an endpoint to have room (`resilience.limits.queue`).',
    labels: {},
  },
  backendConnections: {
    name: 'evenkeel_backend_connections',
    type: 'gauge',
    help: 'HTTP connections to backends that are open or being opened, idle ones included.',
    labels: {},
  },
  shedding: {
    name: 'evenkeel_shedding',
    type: 'gauge',
    help: '1 while new requests, connections and flows are turned away because 95 % of the memory limit is used.',
    labels: {},
  },
  active: {
    name: 'evenkeel_active',
    type: 'gauge',
    help: '1 of a proxy that takes traffic: of every one with ActiveActive, of one at a time with ActivePassive.',
    labels: { mode: '`ActiveActive` or `ActivePassive`' },
  },
  takeovers: {
    name: 'evenkeel_takeovers_total',
    type: 'counter',
    help: 'How often this proxy became the active one, and why (ActivePassive).',
    labels: {
      reason:
        '`Released`: the one before let go. `Unreachable`: it did not answer this proxy. `Expired`: it did not renew its lease',
    },
  },
  lastTakeover: {
    name: 'evenkeel_last_takeover_timestamp_seconds',
    type: 'gauge',
    help: 'When this proxy last became the active one, in seconds since the epoch (ActivePassive).',
    labels: {},
  },
  controllers: {
    name: 'evenkeel_connected_controllers',
    type: 'gauge',
    help: 'Controllers that this proxy is connected to.',
    labels: {},
  },
  stale: {
    name: 'evenkeel_control_stale_seconds',
    type: 'gauge',
    help: 'For how long no controller has been connected: as old what is served may be. 0 while one is.',
    labels: {},
  },
  followedEpoch: {
    name: 'evenkeel_followed_epoch',
    type: 'gauge',
    help: 'The highest epoch of a leading controller that this proxy has heard of: what comes with an older one is refused.',
    labels: {},
  },
  replacedWorkers: {
    name: 'evenkeel_worker_replacements_total',
    type: 'counter',
    help: 'Worker threads that were lost and replaced, by reason.',
    labels: { reason: '`crash`, `exception` or `hung`' },
  },
} as const satisfies Record<string, MetricSpec>;
