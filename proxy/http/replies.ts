import type { Lifecycle } from '../../api/snapshot.ts';
import { type ErrorCode, traitsOf } from '../errors.ts';

/** A response that the proxy makes itself. */
export interface Reply {
  readonly status: number;
  /** One line for a person, never what was received; with `contentType` the whole body, as it was configured. */
  readonly text: string;
  readonly contentType?: string;
  /** Further complete header lines. */
  readonly lines: string;
}

/** What a client is told, for someone who operates the proxy and sees it in a browser or a log. */
const TEXTS = {
  DOWNSTREAM_BAD_REQUEST: 'bad request',
  DOWNSTREAM_CLOSED: 'client closed the connection',
  DOWNSTREAM_HEADER_TIMEOUT: 'the request head took too long',
  DOWNSTREAM_BODY_TIMEOUT: 'the request body stopped coming',
  DOWNSTREAM_BODY_TOO_LARGE: 'the request body is too large',
  DOWNSTREAM_URI_TOO_LONG: 'the request target is too long',
  DOWNSTREAM_HEADERS_TOO_LARGE: 'the request head is too large',
  DOWNSTREAM_EXPECTATION: 'the expectation cannot be met',
  DOWNSTREAM_METHOD: 'the method is not allowed',
  DOWNSTREAM_NOT_IMPLEMENTED: 'not implemented',
  DOWNSTREAM_VERSION: 'HTTP version not supported',
  DOWNSTREAM_TLS: 'the TLS handshake failed',
  DOWNSTREAM_MISDIRECTED: 'this connection is for another host',
  DOWNSTREAM_IDLE: 'client was idle for too long',
  DOWNSTREAM_FLOOD: 'the client asks for more than it lets happen',
  BODY_UNREADABLE: 'the request body cannot be read, which the route needs',
  ACCESS_DENIED: 'access denied',
  RATE_LIMITED: 'too many requests',
  NO_ROUTE: 'no route takes this request',
  LOOP: 'the request goes in circles',
  NO_ENDPOINTS: 'the backends have no endpoints',
  NO_WEIGHT: 'every backend has weight 0',
  NO_ELIGIBLE_ENDPOINT: 'no healthy endpoint',
  ALL_ENDPOINTS_FULL: 'every endpoint is at its limit',
  QUEUE_TIMEOUT: 'every endpoint was at its limit for too long',
  OVERLOADED: 'the proxy is overloaded',
  UPSTREAM_CONNECT_REFUSED: 'the backend refused the connection',
  UPSTREAM_CONNECT_FAILED: 'the backend cannot be reached',
  UPSTREAM_CONNECT_TIMEOUT: 'the backend did not accept the connection in time',
  UPSTREAM_TLS_FAILED: 'TLS to the backend failed',
  UPSTREAM_RESET: 'the backend closed the connection before it answered',
  UPSTREAM_STALE_CONNECTION: 'the backend closed the connection before it answered',
  UPSTREAM_REFUSED_STREAM: 'the backend took no further request',
  UPSTREAM_PROTOCOL: 'the backend sent an invalid response',
  UPSTREAM_HEADERS_TOO_LARGE: 'the backend sent too large a response head',
  UPSTREAM_RESPONSE_TIMEOUT: 'the backend did not answer in time',
  UPSTREAM_TRY_TIMEOUT: 'the backend did not answer in time',
  UPSTREAM_IDLE: 'the backend stopped in the middle',
  CALL_DEADLINE: 'the deadline of the call is over',
  REQUEST_TIMEOUT: 'the request took too long',
  SHUTDOWN: 'the proxy is shutting down',
  INTERNAL: 'internal error',
} as const satisfies Record<ErrorCode, string>;

export const PLAIN_TEXT = 'text/plain; charset=utf-8';
const NO_LINES = '';

/** Which methods a backend takes is its own affair; these it may be asked (RFC 9110 section 15.5.6 wants a list). */
const ALLOW = 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n';

/** `503 no healthy endpoint (NO_ELIGIBLE_ENDPOINT)`; `noEndpoints` are the pool's wishes for when nothing can serve. */
export function replyFor(code: ErrorCode, noEndpoints?: Lifecycle['noEndpoints'], lines = NO_LINES): Reply {
  const isNoEndpoint = code === 'NO_ENDPOINTS' || code === 'NO_ELIGIBLE_ENDPOINT' || code === 'NO_WEIGHT';
  const status = isNoEndpoint && noEndpoints !== undefined ? noEndpoints.statusCode : traitsOf(code).status;
  if (code === 'DOWNSTREAM_METHOD') lines += ALLOW;
  const retryAfter = status === 503 ? noEndpoints?.retryAfterSeconds : undefined;
  const body = isNoEndpoint ? noEndpoints?.body : undefined;
  return {
    status,
    ...(body === undefined
      ? { text: `${status} ${TEXTS[code]} (${code})` }
      : { text: body, contentType: noEndpoints?.contentType ?? PLAIN_TEXT }),
    lines: retryAfter === undefined ? lines : `${lines}Retry-After: ${retryAfter}\r\n`,
  };
}

/** Header lines of names and values that are known to be valid. */
export function headerLines(headers: readonly (readonly [name: string, value: string])[]): string {
  return headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}
