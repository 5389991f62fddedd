/**
 * Everything that can go wrong with a request or session, once. The table answers for each code what the client
 * is told, whose fault it is, when another attempt is allowed, and whether it counts against the endpoint.
 */

export type Origin = 'downstream' | 'upstream' | 'proxy';

export type RetryClass =
  /** Nothing was sent, or looked at: whatever the method, outside the budget. */
  | 'nothing-sent'
  /** The request may have been seen: only when it is idempotent and no response byte was passed on. */
  | 'if-idempotent'
  | 'never';

interface ErrorTraits {
  /** HTTP status of the local reply; 0: there is nobody left to answer. */
  readonly status: number;
  readonly origin: Origin;
  readonly retry: RetryClass;
  /** Does it count against the endpoint in passive health? */
  readonly blame: boolean;
}

const TABLE = {
  DOWNSTREAM_BAD_REQUEST: { status: 400, origin: 'downstream', retry: 'never', blame: false },
  DOWNSTREAM_CLOSED: { status: 0, origin: 'downstream', retry: 'never', blame: false },
  DOWNSTREAM_HEADER_TIMEOUT: { status: 408, origin: 'downstream', retry: 'never', blame: false },
  DOWNSTREAM_BODY_TIMEOUT: { status: 408, origin: 'downstream', retry: 'never', blame: false },
  DOWNSTREAM_BODY_TOO_LARGE: { status: 413, origin: 'downstream', retry: 'never', blame: false },
  DOWNSTREAM_URI_TOO_LONG: { status: 414, origin: 'downstream', retry: 'never', blame: false },
  DOWNSTREAM_HEADERS_TOO_LARGE: { status: 431, origin: 'downstream', retry: 'never', blame: false },
  DOWNSTREAM_EXPECTATION: { status: 417, origin: 'downstream', retry: 'never', blame: false },
  DOWNSTREAM_METHOD: { status: 405, origin: 'downstream', retry: 'never', blame: false },
  DOWNSTREAM_NOT_IMPLEMENTED: { status: 501, origin: 'downstream', retry: 'never', blame: false },
  DOWNSTREAM_VERSION: { status: 505, origin: 'downstream', retry: 'never', blame: false },
  DOWNSTREAM_TLS: { status: 0, origin: 'downstream', retry: 'never', blame: false },
  DOWNSTREAM_MISDIRECTED: { status: 421, origin: 'downstream', retry: 'never', blame: false },
  DOWNSTREAM_IDLE: { status: 0, origin: 'downstream', retry: 'never', blame: false },
  DOWNSTREAM_FLOOD: { status: 0, origin: 'downstream', retry: 'never', blame: false },
  BODY_UNREADABLE: { status: 400, origin: 'downstream', retry: 'never', blame: false },
  ACCESS_DENIED: { status: 403, origin: 'proxy', retry: 'never', blame: false },
  RATE_LIMITED: { status: 429, origin: 'proxy', retry: 'never', blame: false },
  NO_ROUTE: { status: 404, origin: 'proxy', retry: 'never', blame: false },
  LOOP: { status: 508, origin: 'proxy', retry: 'never', blame: false },
  NO_ENDPOINTS: { status: 503, origin: 'proxy', retry: 'never', blame: false },
  NO_WEIGHT: { status: 503, origin: 'proxy', retry: 'never', blame: false },
  NO_ELIGIBLE_ENDPOINT: { status: 503, origin: 'proxy', retry: 'never', blame: false },
  ALL_ENDPOINTS_FULL: { status: 503, origin: 'proxy', retry: 'never', blame: false },
  QUEUE_TIMEOUT: { status: 503, origin: 'proxy', retry: 'never', blame: false },
  OVERLOADED: { status: 503, origin: 'proxy', retry: 'never', blame: false },
  UPSTREAM_CONNECT_REFUSED: { status: 503, origin: 'upstream', retry: 'nothing-sent', blame: true },
  UPSTREAM_CONNECT_FAILED: { status: 503, origin: 'upstream', retry: 'nothing-sent', blame: true },
  UPSTREAM_CONNECT_TIMEOUT: { status: 503, origin: 'upstream', retry: 'nothing-sent', blame: true },
  UPSTREAM_TLS_FAILED: { status: 503, origin: 'upstream', retry: 'nothing-sent', blame: true },
  UPSTREAM_RESET: { status: 502, origin: 'upstream', retry: 'if-idempotent', blame: true },
  /** A kept connection that the backend had closed by the time the request reached it: not the endpoint's fault. */
  UPSTREAM_STALE_CONNECTION: { status: 502, origin: 'upstream', retry: 'if-idempotent', blame: false },
  /** The backend has not looked at the request: it took no further stream, or was leaving. */
  UPSTREAM_REFUSED_STREAM: { status: 503, origin: 'upstream', retry: 'nothing-sent', blame: false },
  UPSTREAM_PROTOCOL: { status: 502, origin: 'upstream', retry: 'never', blame: true },
  UPSTREAM_HEADERS_TOO_LARGE: { status: 502, origin: 'upstream', retry: 'never', blame: true },
  UPSTREAM_RESPONSE_TIMEOUT: { status: 504, origin: 'upstream', retry: 'if-idempotent', blame: true },
  UPSTREAM_TRY_TIMEOUT: { status: 504, origin: 'upstream', retry: 'if-idempotent', blame: true },
  UPSTREAM_IDLE: { status: 504, origin: 'upstream', retry: 'never', blame: false },
  /** The backend ended a gRPC call by a reset after the time that its caller gave it: nobody's fault here. */
  CALL_DEADLINE: { status: 504, origin: 'downstream', retry: 'never', blame: false },
  REQUEST_TIMEOUT: { status: 504, origin: 'proxy', retry: 'never', blame: false },
  SHUTDOWN: { status: 503, origin: 'proxy', retry: 'never', blame: false },
  INTERNAL: { status: 500, origin: 'proxy', retry: 'never', blame: false },
} as const satisfies Record<string, ErrorTraits>;

export type ErrorCode = keyof typeof TABLE;

export const ERROR_CODES = Object.keys(TABLE) as ErrorCode[];

export function traitsOf(code: ErrorCode): ErrorTraits {
  return TABLE[code];
}
