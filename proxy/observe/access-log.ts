import type { Logger } from 'pino';
import { hostPort } from '../../lib/host-port.ts';
import type { ErrorCode } from '../errors.ts';
import type { HttpVersion, TrafficRecord, TrafficSink } from './traffic-record.ts';

/** A line of the access log; what has nothing to say is left out. */
export interface AccessLogEntry {
  readonly pool: string | undefined;
  readonly route: string | undefined;
  readonly endpoint: string | undefined;
  readonly attempts: number;
  readonly client: string;
  readonly protocol: HttpVersion | undefined;
  readonly method: string | undefined;
  readonly host: string | undefined;
  readonly path: string | undefined;
  readonly status: number | undefined;
  readonly error: ErrorCode | undefined;
  readonly reason: string | undefined;
  readonly durationMs: number;
  readonly firstByteMs: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly requestId: string | undefined;
  readonly upstreamProtocol: 'HTTP/1.1' | 'HTTP/2' | undefined;
  readonly grpcStatus: number | undefined;
  readonly tlsVersion: string | undefined;
  readonly serverName: string | undefined;
}

/** One JSON line a request or session, for a person with a question and for machines; values are escaped by JSON. */
export function createAccessLog(log: Logger): TrafficSink {
  return {
    record(record: TrafficRecord): void {
      const { meter, endpoint } = record;
      const entry: AccessLogEntry = {
        pool: meter?.pool,
        route: meter?.route,
        endpoint: endpoint === undefined ? undefined : hostPort(endpoint.address, endpoint.port),
        attempts: record.attempts,
        client: record.clientAddress,
        protocol: record.protocol === '' ? undefined : record.protocol,
        method: record.method === '' ? undefined : record.method,
        host: record.host === '' ? undefined : record.host,
        path: record.path === '' ? undefined : record.path,
        status: record.status === 0 ? undefined : record.status,
        error: record.error,
        reason: record.reason === '' ? undefined : record.reason,
        durationMs: rounded(record.durationMs),
        firstByteMs: record.firstByteMs === 0 ? undefined : rounded(record.firstByteMs),
        bytesIn: record.bytesIn,
        bytesOut: record.bytesOut,
        requestId: record.requestId === '' ? undefined : record.requestId,
        upstreamProtocol: record.upstreamProtocol === '' ? undefined : record.upstreamProtocol,
        grpcStatus: record.grpcStatus === -1 ? undefined : record.grpcStatus,
        tlsVersion: record.tlsVersion === '' ? undefined : record.tlsVersion,
        serverName: record.serverName === '' ? undefined : record.serverName,
      };
      log.info(entry, 'access');
    },
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
