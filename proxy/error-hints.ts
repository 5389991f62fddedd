import type { ErrorCode } from './errors.ts';

/** For an operator who finds a code in a response, the access log or a metric: what is behind it, what to do. */
export const ERROR_HINTS: Readonly<Record<ErrorCode, string>> = {
  DOWNSTREAM_BAD_REQUEST:
    'The request is malformed; `reason` in the access log says how. Mend the client, or what stands in front of it.',
  DOWNSTREAM_CLOSED:
    'The client went away first; the access log has status 499. Look for a timeout in the client.',
  DOWNSTREAM_HEADER_TIMEOUT:
    'A connection was opened and no whole request head came within `listeners[].timeouts.requestHeader`.',
  DOWNSTREAM_BODY_TIMEOUT:
    'The client stopped sending its body for longer than `listeners[].timeouts.idle`. Raise it for clients that pause.',
  DOWNSTREAM_BODY_TOO_LARGE:
    'The body is larger than `listeners[].limits.maxRequestBody`. Raise that if it is meant.',
  DOWNSTREAM_URI_TOO_LONG: 'The request target is longer than is taken. Move what it carries into the body.',
  DOWNSTREAM_HEADERS_TOO_LARGE: 'The request head is larger than is taken; most often cookies have piled up.',
  DOWNSTREAM_EXPECTATION: 'The request has an Expect field other than 100-continue.',
  DOWNSTREAM_METHOD: 'CONNECT and TRACE are not forwarded.',
  DOWNSTREAM_NOT_IMPLEMENTED:
    'A transfer coding or method that is not known here, or a WebSocket to a backend that speaks HTTP/2.',
  DOWNSTREAM_VERSION: 'An HTTP version other than 1.0 and 1.1.',
  DOWNSTREAM_TLS: 'The TLS handshake with the client did not come about; `reason` says why.',
  DOWNSTREAM_MISDIRECTED:
    'The request is for another host than its TLS connection: the host belongs to another listener, or to none. A client that follows RFC 9110 opens a new connection.',
  DOWNSTREAM_IDLE:
    'The client took nothing, or a connection carried nothing, for longer than `listeners[].timeouts.idle`.',
  DOWNSTREAM_FLOOD:
    'An HTTP/2 connection was ended: it reset too many of its requests, or sent too much that belongs to none.',
  BODY_UNREADABLE:
    'A route matches on the body with `onUnreadable: Reject`, and the body is too large, too slow or not what the match reads.',
  ACCESS_DENIED:
    '`accessRules` of the listener or of the route do not let this client in. Check `clientIP` too: behind another proxy every client has its address.',
  RATE_LIMITED: 'The route’s `rateLimit` is used up for this key; it counts in each proxy by itself.',
  NO_ROUTE:
    'No route takes this request and there are no `defaultBackendRefs`. `evenkeel explain` says why each route lost.',
  LOOP: 'The request has come through load balancers too many times: a backend leads back to a listener.',
  NO_ENDPOINTS:
    'The backends have no endpoints at all. Check the Service’s selector and `kubectl get endpointslices`.',
  NO_WEIGHT: 'Every backend that could take the request has weight 0.',
  NO_ELIGIBLE_ENDPOINT:
    'There are endpoints, and none may take traffic. `evenkeel describe` lists each with its reason; `healthCheck.failOpen` decides whether the unhealthy are used then.',
  ALL_ENDPOINTS_FULL:
    'Every endpoint is at its limit of `resilience.limits` and the queue has no place. Add endpoints, or raise the limits.',
  QUEUE_TIMEOUT:
    'The request waited `resilience.limits.queue.timeout` for a place. Add endpoints, or raise the limits.',
  OVERLOADED:
    'This proxy is at the end of its file descriptors, local ports or memory. Add proxies, or raise the limit of open files or of memory.',
  UPSTREAM_CONNECT_REFUSED:
    'Nothing listens on the endpoint’s port. Its next probe, or this failure itself, takes it out.',
  UPSTREAM_CONNECT_FAILED: 'The endpoint cannot be reached: no route, or a network policy in between.',
  UPSTREAM_CONNECT_TIMEOUT:
    'No answer to a new connection within `resilience.timeouts.connect`: the endpoint hangs, or packets are dropped.',
  UPSTREAM_TLS_FAILED:
    'The TLS handshake with the endpoint failed: its certificate is not for `backends[].tls.serverName`, not signed by `caRef`, or expired; or it does not speak TLS. Its health has the message.',
  UPSTREAM_RESET:
    'The backend closed or reset the connection before its answer was complete. Look for a crash in its log. Over TLS: a response without a length that does not end with `close_notify` is not complete either.',
  UPSTREAM_STALE_CONNECTION:
    'The backend had closed a kept connection just as a request took it. Harmless, and repeated where that is allowed; if frequent, raise the backend’s keep-alive timeout.',
  UPSTREAM_REFUSED_STREAM:
    'The backend refused the request’s HTTP/2 stream, or was closing its connection, and said that it has not looked at it. Repeated elsewhere with `RefusedStream` in `retries.retryOn`; if frequent, the backend allows too few concurrent streams.',
  UPSTREAM_PROTOCOL: 'The backend’s response is not valid HTTP. Is its port really an HTTP port?',
  UPSTREAM_HEADERS_TOO_LARGE: 'The backend’s response head is larger than is taken.',
  UPSTREAM_RESPONSE_TIMEOUT: 'No response head within `resilience.timeouts.responseHeader`.',
  UPSTREAM_TRY_TIMEOUT:
    'One attempt took longer than `retries.perTryTimeout` or the route’s `timeouts.backendRequest`.',
  UPSTREAM_IDLE: 'The backend neither sent nor took anything for longer than `listeners[].timeouts.idle`.',
  CALL_DEADLINE:
    'The client’s own deadline for a gRPC call (`grpc-timeout`) was over, and the backend ended the call for that.',
  REQUEST_TIMEOUT: 'The request with all its attempts took longer than the route’s `timeouts.request`.',
  SHUTDOWN: 'The proxy ended, and the session was still open when its time to drain was over.',
  INTERNAL: 'A fault in Evenkeel itself; the log has the stack. Please report it.',
};
