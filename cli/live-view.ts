import type { EndpointStatus } from '../api/pool.gen.ts';
import type { LoadBalancerPool } from '../api/pool.ts';
import type { PoolTraffic } from '../api/traffic.ts';
import { age } from '../lib/age.ts';
import { hostPort } from '../lib/host-port.ts';
import { plainTable } from './tables.ts';

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
  /** Where to send what; absent: how pools listen. */
  readonly sendTo?: (pool: LoadBalancerPool) => string;
  /** What is wrong with the manifests. */
  readonly faults: readonly string[];
  readonly rows: number;
  readonly columns: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A column, and how readily it is left out where there is no room: the highest number goes first, 0 stays. */
interface Column<Row> {
  readonly head: string;
  readonly spare: number;
  readonly read: (row: Row) => string;
}

interface TroubledEndpoint extends EndpointStatus {
  readonly pool: string;
}

/** Lines of faults that are shown at most. */
const MAX_FAULTS = 5;

/**
 * Pools with their rates, faults, and every endpoint that is in trouble, in as much room as there is: what is in trouble
 * comes first, columns that are least needed go, and what is left out is said.
 */
export function liveView(pools: readonly LoadBalancerPool[], options: ViewOptions): string {
  const { faults, rows, columns, now } = options;
  const ordered = pools.toSorted(
    (a, b) => Number(isWell(a)) - Number(isWell(b)) || (nameOf(a) < nameOf(b) ? -1 : 1),
  );
  const troubled = ordered.flatMap((pool) =>
    (pool.status?.endpoints ?? [])
      .filter(({ state }) => state !== 'Healthy')
      .map((endpoint): TroubledEndpoint => ({ ...endpoint, pool: nameOf(pool) })),
  );
  const faultLines = shortened(faults, MAX_FAULTS, 'faults');
  const faultRoom = faultLines.length === 0 ? 0 : faultLines.length + 1;
  // A head for each table, and an empty line between them.
  const room = rows - 1 - faultRoom - 3;
  const endpointRoom = Math.max(
    1,
    Math.min(troubled.length, Math.max(room - pools.length, Math.floor(room * 0.4))),
  );
  const poolLines = table(poolColumns(options), ordered, {
    columns,
    lines: room - endpointRoom,
    noun: 'pools',
  });
  const endpointLines =
    troubled.length === 0
      ? ['No endpoint is in trouble.']
      : table(endpointColumns(now), troubled, { columns, lines: endpointRoom, noun: 'endpoints' });
  return [poolLines, faultLines, endpointLines]
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')
    .split('\n')
    .slice(0, Math.max(1, rows - 1))
    .map((line) => line.slice(0, columns))
    .join('\n');
}

function poolColumns({ rates, sendTo }: ViewOptions): Column<LoadBalancerPool>[] {
  const rate = (pool: LoadBalancerPool): Rate => rates?.get(nameOf(pool)) ?? { perSecond: 0, failed: 0 };
  return [
    { head: 'POOL', spare: 0, read: nameOf },
    sendTo === undefined
      ? { head: 'LISTENERS', spare: 2, read: listenersOf }
      : { head: 'SEND TO', spare: 2, read: sendTo },
    { head: 'ALGORITHM', spare: 4, read: ({ spec }) => spec.loadBalancing.algorithm },
    { head: 'HEALTHY', spare: 0, read: ({ status }) => status?.summary?.healthyText ?? '' },
    ...(rates === undefined
      ? [{ head: 'PROXIES', spare: 3, read: ({ status }: LoadBalancerPool) => status?.proxies?.text ?? '' }]
      : [
          { head: 'REQUESTS/S', spare: 1, read: (pool: LoadBalancerPool) => perSecond(rate(pool)) },
          { head: 'FAILED', spare: 3, read: (pool: LoadBalancerPool) => String(rate(pool).failed) },
        ]),
    { head: 'STATE', spare: 0, read: stateOf },
  ];
}

function endpointColumns(now: number): Column<TroubledEndpoint>[] {
  return [
    { head: 'ENDPOINT', spare: 0, read: ({ address, port }) => hostPort(address, port) },
    { head: 'STATE', spare: 0, read: ({ state }) => state },
    { head: 'REASON', spare: 0, read: ({ reason }) => reason ?? '' },
    { head: 'FOR', spare: 1, read: ({ since }) => (since === undefined ? '' : age(now - Date.parse(since))) },
    { head: 'POOL', spare: 2, read: ({ pool }) => pool },
    { head: 'BACKEND', spare: 4, read: ({ backend }) => backend },
    { head: 'POD', spare: 5, read: ({ podName }) => podName ?? '' },
    { head: 'MESSAGE', spare: 3, read: ({ message }) => message ?? '' },
  ];
}

/** At most so many lines below the head, the last of which says how many more there are. */
function table<Row>(
  all: readonly Column<Row>[],
  rows: readonly Row[],
  { columns, lines, noun }: { readonly columns: number; readonly lines: number; readonly noun: string },
): string[] {
  // Nobody misses a column that has nothing to say.
  let shown = all.filter(
    ({ spare, read }) => spare === 0 || rows.length === 0 || rows.some((row) => read(row) !== ''),
  );
  const draw = (): string[] =>
    plainTable(
      shown.map(({ head }) => head),
      rows.map((row) => shown.map(({ read }) => read(row))),
    ).split('\n');
  let drawn = draw();
  while (drawn.some((line) => line.length > columns)) {
    const spare = Math.max(...shown.map((column) => column.spare));
    if (spare === 0) break;
    shown = shown.filter((column) => column.spare !== spare);
    drawn = draw();
  }
  const [head = '', ...body] = drawn;
  return [head, ...shortened(body, lines, noun)];
}

function shortened(lines: readonly string[], max: number, noun: string): string[] {
  if (lines.length <= max) return [...lines];
  const kept = Math.max(0, max - 1);
  return [...lines.slice(0, kept), `… and ${lines.length - kept} more ${noun}`];
}

function nameOf({ metadata }: LoadBalancerPool): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function listenersOf({ spec }: LoadBalancerPool): string {
  return spec.listeners.map(({ protocol, port }) => `${protocol} ${port}`).join(', ');
}

function isWell({ status }: LoadBalancerPool): boolean {
  return status?.summary?.reason === '';
}

function stateOf({ status }: LoadBalancerPool): string {
  return status?.summary?.reason === '' ? 'ok' : (status?.summary?.reason ?? 'no status yet');
}

function perSecond(rate: Rate): string {
  return rate.perSecond.toFixed(rate.perSecond < 10 ? 1 : 0);
}
