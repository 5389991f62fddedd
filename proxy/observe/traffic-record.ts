import type { ErrorCode } from '../errors.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import type { RouteMeter } from './traffic-meter.ts';

export const HTTP_VERSIONS = ['HTTP/1.0', 'HTTP/1.1', 'HTTP/2'] as const;
export type HttpVersion = (typeof HTTP_VERSIONS)[number];

/**
 * What is known about one request (L7) or session (L4) when it is over. The data path fills one reused object; a
 * sink reads it before it returns and keeps nothing.
 */
export interface TrafficRecord {
  /** Counts for the pool and route that took it; absent when none did. */
  meter: RouteMeter | undefined;
  /** The endpoint of the last attempt. */
  endpoint: EndpointState | undefined;
  /** Attempts that were made; 0 when it never got as far as an endpoint. */
  attempts: number;
  /** HTTP status sent; 499 when the client left first; 0 for L4. */
  status: number;
  /** Why it failed, when it did. */
  error: ErrorCode | undefined;
  /** A short label for what was wrong with a refused request, e.g. `cl_te`. */
  reason: string;
  durationMs: number;
  /** Until the first byte of the response; 0 when there was none. */
  firstByteMs: number;
  /** Bytes from the client, and to it: bodies for L7, payload for L4. */
  bytesIn: number;
  bytesOut: number;
  /** The version of HTTP that the client spoke; empty for L4, and where it is not known. */
  protocol: HttpVersion | '';
  method: string;
  host: string;
  path: string;
  clientAddress: string;
  requestId: string;
  /** What the endpoint of the last attempt was spoken to in; empty for L4, and without an attempt. */
  upstreamProtocol: '' | 'HTTP/1.1' | 'HTTP/2';
  /** How a gRPC call ended; -1 for what is none, or whose end was not said. */
  grpcStatus: number;
  /** `TLSv1.3`; empty when the client spoke in clear, or TLS went on to a backend. */
  tlsVersion: string;
  /** The host that the client's TLS asked for; empty when it named none. */
  serverName: string;
}

export interface TrafficSink {
  record(record: TrafficRecord): void;
}

/** A record to be filled in, over and over. */
export function emptyTrafficRecord(): TrafficRecord {
  return {
    meter: undefined,
    endpoint: undefined,
    attempts: 0,
    status: 0,
    error: undefined,
    reason: '',
    durationMs: 0,
    firstByteMs: 0,
    bytesIn: 0,
    bytesOut: 0,
    protocol: '',
    method: '',
    host: '',
    path: '',
    clientAddress: '',
    requestId: '',
    upstreamProtocol: '',
    grpcStatus: -1,
    tlsVersion: '',
    serverName: '',
  };
}
