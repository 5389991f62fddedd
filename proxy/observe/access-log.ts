import type { Logger } from 'pino';
import { hostPort } from '../../lib/host-port.ts';
import type { TrafficRecord, TrafficSink } from './traffic-record.ts';

/** One JSON line a request or session, for a person with a question and for machines; values are escaped by JSON. */
export function createAccessLog(log: Logger): TrafficSink {
  return {
    record(record: TrafficRecord): void {
      const { meter, endpoint } = record;
      log.info(
        {
          pool: meter?.pool,
          route: meter?.route,
          endpoint: endpoint === undefined ? undefined : hostPort(endpoint.address, endpoint.port),
          attempts: record.attempts,
          client: record.clientAddress,
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
        },
        'access',
      );
    },
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
