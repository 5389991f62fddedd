import type { RateLimit, Route } from '../../api/snapshot.ts';
import type { RequestView } from '../http/request-view.ts';
import { parseAddress } from '../net/cidr-set.ts';
import type { RateTable } from './rate-table.ts';

/** The rate limit of one route, the same on all its listeners. */
export interface CompiledRateLimit {
  /**
   * Takes one request from the client's bucket. 0: it may pass; else the milliseconds until the next one may. Requests
   * without the header that is the key share one bucket; IPv6 clients share one for each /64.
   */
  take(table: RateTable, request: RequestView): number;
  /** Header lines of the 429: Retry-After, and the fields of draft-ietf-httpapi-ratelimit-headers. */
  refusalHeaders(waitMs: number): readonly (readonly [name: string, value: string])[];
}

export function compileRateLimit(poolUid: string, route: Route): CompiledRateLimit | undefined {
  const limit = route.rateLimit;
  if (limit === undefined) return undefined;
  const bucket = {
    scope: `${poolUid}/${route.name}`,
    intervalUs: (limit.perMs * 1_000) / limit.requests,
    burst: limit.burst,
  };
  const { key } = limit;
  return {
    take: (table, request) => {
      const client =
        key.type === 'Header' ? (request.header(key.name) ?? '') : clientKey(request.clientAddress);
      return Math.ceil(table.take(bucket, client) / 1_000);
    },
    refusalHeaders: (waitMs) => refusalHeaders(limit, waitMs),
  };
}

function clientKey(address: string): string {
  const value = address.includes(':') ? parseAddress(address) : undefined;
  return typeof value === 'bigint' ? (value >> 64n).toString(16) : address;
}

function refusalHeaders(limit: RateLimit, waitMs: number): (readonly [string, string])[] {
  const seconds = Math.max(1, Math.ceil(waitMs / 1_000));
  const window = limit.perMs % 1_000 === 0 ? `;w=${limit.perMs / 1_000}` : '';
  return [
    ['Retry-After', String(seconds)],
    ['RateLimit-Policy', `"route";q=${limit.requests}${window}`],
    ['RateLimit', `"route";r=0;t=${seconds}`],
  ];
}
