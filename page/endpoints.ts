import type { EndpointRow } from '../api/overview.ts';
import { age } from '../lib/age.ts';
import { Listing } from './listing.ts';
import { stateMark } from './states.ts';
import { link, shown, text } from './table.ts';

export interface EndpointListing {
  /** Those of all pools, or of one? */
  readonly all: boolean;
  /** The server's clock when it answered; milliseconds since the epoch. */
  readonly now: () => number;
  readonly onChange: () => void;
}

/** Endpoints with their state and reason. */
export function endpointListing({ all, now, onChange }: EndpointListing): Listing<EndpointRow> {
  const trouble = ['trouble', 'In trouble'] as const;
  const any = ['', 'Every state'] as const;
  return new Listing<EndpointRow>({
    name: 'endpoints',
    title: 'Endpoints',
    caption: 'Endpoints, those in trouble first',
    placeholder: 'Address, pod, reason …',
    states: [
      ...(all ? [trouble, any] : [any, trouble]),
      ...['Unhealthy', 'Draining', 'Excluded', 'Healthy'].map((state) => [state, state] as const),
    ],
    keyOf: ({ pool, backend, endpoint, pod }) => `${pool} ${backend} ${endpoint} ${pod}`,
    columns: [
      text('Endpoint', ({ endpoint }) => endpoint, 'tight'),
      shown('State', stateMark, ({ state }) => state),
      text('Reason', ({ reason }) => reason),
      text('Message', ({ message }) => message),
      text('For', ({ since }) => (since === 0 ? '' : age(now() - since)), 'number'),
      ...(all ? [link('Pool', ({ pool }: EndpointRow) => ({ text: pool, href: poolHref(pool) }))] : []),
      text('Backend', ({ backend }) => backend),
      text('Pod', ({ pod }) => pod, 'wide'),
      text('Zone', ({ zone }) => zone, 'wide'),
      text('Seen by', ({ seenBy }) => seenBy, 'number wide'),
    ],
    empty(isFiltered) {
      if (isFiltered) return 'No endpoint is like that.';
      return all ? 'No endpoint is in trouble.' : 'This pool has no endpoints.';
    },
    onChange,
  });
}

/** The page about one pool, `namespace/name`. */
export function poolHref(pool: string): string {
  const slash = pool.indexOf('/');
  return `#/pools/${encodeURIComponent(pool.slice(0, slash))}/${encodeURIComponent(pool.slice(slash + 1))}`;
}
