import type { LoadBalancing } from '../../api/snapshot.ts';
import type { RequestView } from '../http/request-view.ts';
import { parseQuery } from '../routing/query.ts';
import { cookieValue } from './cookie-value.ts';
import { murmur3 } from './murmur3.ts';

const SEED = 0x45766b6c;

/** The key of a client address in canonical text form: all that L4 has to hash. */
export function addressKey(address: string): number {
  return murmur3(address, SEED);
}

/**
 * What the pool's algorithm hashes of a request, as a 32-bit number. A request without the header, cookie or parameter
 * is hashed by its client address; algorithms that don't hash get 0.
 */
export function hashKeyOf({ algorithm, consistentHash }: LoadBalancing): (request: RequestView) => number {
  if (algorithm === 'SourceIPHash') return ({ clientAddress }) => addressKey(clientAddress);
  if (algorithm !== 'ConsistentHash' || consistentHash === undefined) return () => 0;
  const { key, name } = consistentHash;
  const byValue = (request: RequestView, value: string | undefined): number =>
    value === undefined || value === '' ? addressKey(request.clientAddress) : murmur3(value, SEED);
  switch (key) {
    case 'Header':
      return (request) => byValue(request, request.header(name));
    case 'Cookie':
      return (request) => byValue(request, cookieValue(request.header('cookie') ?? '', name));
    case 'QueryParam':
      return (request) => byValue(request, parseQuery(request.query).get(name));
  }
}
