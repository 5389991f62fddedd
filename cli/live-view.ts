import type { LoadBalancerPool } from '../api/pool.ts';
import type { PoolTraffic } from '../api/traffic.ts';
import { endpointTable, plainTable } from './tables.ts';

/** What a pool has carried between two looks. */
export interface Rate {
  readonly perSecond: number;
  readonly failed: number;
}

/** Rates by `namespace/name` between two readings; a counter that went back (a new process) starts anew. */
export function ratesOf(
  before: readonly PoolTraffic[],
  after: readonly PoolTraffic[],
  seconds: number,
): ReadonlyMap<string, Rate> {
  const earlier = new Map(before.map((traffic) => [traffic.pool, traffic]));
  return new Map(
    after.map(({ pool, requests, failed }) => {
      const then = earlier.get(pool);
      const since = then === undefined || then.requests > requests ? { requests: 0, failed: 0 } : then;
      return [pool, { perSecond: (requests - since.requests) / seconds, failed: failed - since.failed }];
    }),
  );
}

export interface ViewOptions {
  /** By `namespace/name`; undefined: not known, and there are no columns for them. */
  readonly rates: ReadonlyMap<string, Rate> | undefined;
  /** What is wrong with the manifests. */
  readonly faults: readonly string[];
  readonly rows: number;
  readonly columns: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Pools with their rates, faults, and every endpoint that is in trouble; at most `rows` lines. */
export function liveView(
  pools: readonly LoadBalancerPool[],
  { rates, faults, rows, columns, now }: ViewOptions,
): string {
  const table = plainTable(
    [
      'POOL',
      'LISTENERS',
      'ALGORITHM',
      'HEALTHY',
      ...(rates === undefined ? ['PROXIES'] : ['REQUESTS/S', 'FAILED']),
      'STATE',
    ],
    pools.map(({ metadata, spec, status }) => {
      const name = `${metadata.namespace}/${metadata.name}`;
      const rate = rates?.get(name);
      return [
        name,
        spec.listeners.map(({ protocol, port }) => `${protocol} ${port}`).join(', '),
        spec.loadBalancing.algorithm,
        status?.summary?.healthyText ?? '',
        ...(rates === undefined
          ? [status?.proxies?.text ?? '']
          : [perSecond(rate), String(rate?.failed ?? 0)]),
        status?.summary?.reason === '' ? 'ok' : (status?.summary?.reason ?? 'no status yet'),
      ];
    }),
  );
  const troubled = pools.flatMap(({ status }) =>
    (status?.endpoints ?? []).filter(({ state }) => state !== 'Healthy'),
  );
  const below = troubled.length === 0 ? 'No endpoint is in trouble.' : endpointTable(troubled, now);
  return [table, ...(faults.length === 0 ? [] : [faults.join('\n')]), below]
    .join('\n\n')
    .split('\n')
    .slice(0, Math.max(1, rows - 1))
    .map((line) => line.slice(0, columns))
    .join('\n');
}

function perSecond(rate: Rate | undefined): string {
  return rate === undefined ? '0' : rate.perSecond.toFixed(rate.perSecond < 10 ? 1 : 0);
}
