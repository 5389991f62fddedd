import type { AccessLogEntry } from './access-log.ts';

/** What each field of an access log line says, for the documentation. */
export const ACCESS_LOG_FIELDS: Readonly<Record<keyof AccessLogEntry, string>> = {
  pool: '`namespace/name` of the pool that took it',
  route: 'its route; empty for the default backends',
  endpoint: '`address:port` of the last attempt',
  attempts: 'attempts that were made; 0 when it never got as far as an endpoint',
  client: 'address of the client, after PROXY protocol and `clientIP`',
  protocol: 'version of HTTP that the client spoke: `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`',
  method: 'of the request',
  host: 'of the request, without the port',
  path: 'of the request, without the query',
  status: 'HTTP status sent; 499 when the client left first',
  error: 'why it failed: an error code',
  reason: 'what was wrong with a malformed message',
  durationMs: 'from the first byte of the request to the last of the response; length of a session',
  firstByteMs: 'until the first byte of the response',
  bytesIn: 'body or payload bytes from the client',
  bytesOut: 'body or payload bytes to the client',
  requestId: 'the X-Request-Id that the backend got too',
  upstreamProtocol: '`HTTP/1.1` or `HTTP/2`: what the endpoint was spoken to in',
  grpcStatus: 'number that a gRPC call ended with; absent when it ended without one',
  tlsVersion: 'version of the client’s TLS, such as `TLSv1.3`',
  serverName: 'the host that the client’s TLS asked for (SNI)',
};
