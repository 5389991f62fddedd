import type {
  ConditionRow,
  EndpointRow,
  Overview,
  Part,
  PoolDetail,
  PoolRow,
  ProcessView,
  StateCounts,
} from '../../api/overview.ts';
import type { LoadBalancerPool } from '../../api/pool.ts';
import type { StatusSource } from './source.ts';

/** What a person looks for in a list. */
export interface ListQuery {
  /** Every word has to occur, in whatever case. */
  readonly search: string;
  /** A state, `trouble` (all but healthy ones) or empty: any. */
  readonly state: string;
  readonly offset: number;
}

export interface OverviewQuery {
  readonly pools: ListQuery;
  readonly endpoints: ListQuery;
}

const PART = 50;
/** Points of a chart in a row, and of one that stands alone. */
const FEW = 60;
const MANY = 150;
const BY_NEED: readonly string[] = ['Unhealthy', 'Excluded', 'Draining', 'Healthy'];

export function overview(source: StatusSource, query: OverviewQuery): Overview {
  const pools = source.pools();
  const proxies = source.proxies();
  const inTrouble = pools.filter((pool) => reasonOf(pool) !== '');
  const found = (query.pools.state === 'trouble' ? inTrouble : pools)
    .filter((pool) => matches(wordsOf(pool), query.pools.search))
    .sort((a, b) => Number(reasonOf(a) === '') - Number(reasonOf(b) === '') || compare(nameOf(a), nameOf(b)));
  const shown = part(found, query.pools.offset);
  return {
    process: source.process(),
    now: source.now(),
    faults: source.faults(),
    states: sum(pools.map(statesOf)),
    rates: source.traffic.total(MANY),
    poolsInTrouble: inTrouble.length,
    poolsTotal: pools.length,
    proxiesConnected: proxies.filter(({ connected }) => connected).length,
    proxiesTotal: proxies.length,
    pools: { ...shown, items: shown.items.map((pool) => poolRow(pool, source, FEW)) },
    proxies: part(
      [...proxies].sort((a, b) => Number(isBehind(b)) - Number(isBehind(a)) || compare(a.name, b.name)),
      0,
    ),
    endpoints: endpointPart(pools, source, query.endpoints),
  };
}

/** Undefined: there is no such pool. */
export function poolDetail(source: StatusSource, name: string, query: ListQuery): PoolDetail | undefined {
  const pool = source.pools().find((candidate) => nameOf(candidate) === name);
  if (pool === undefined) return undefined;
  const { metadata, spec, status } = pool;
  return {
    process: source.process(),
    now: source.now(),
    pool: poolRow(pool, source, MANY),
    generation: metadata.generation,
    paused: spec.paused,
    addresses: (status?.addresses ?? []).map(({ value }) => value),
    digest: status?.config?.digest ?? '',
    lastError: status?.config?.lastError ?? '',
    conditions: conditionRows(pool, source.process().role),
    backends: (status?.backends ?? []).map((backend) => ({
      name: backend.name,
      total: backend.total ?? 0,
      healthy: backend.healthy ?? 0,
      sharePercent: backend.effectiveWeightPercent ?? 0,
    })),
    proxies: source.proxiesOf(pool),
    endpoints: endpointPart([pool], source, query),
  };
}

function poolRow(pool: LoadBalancerPool, { traffic }: StatusSource, points: number): PoolRow {
  return {
    name: nameOf(pool),
    algorithm: pool.spec.loadBalancing.algorithm,
    listeners: listenersOf(pool),
    reason: reasonOf(pool),
    states: statesOf(pool),
    proxies: pool.status?.proxies?.text ?? '',
    rates: traffic.ofPool(nameOf(pool), points),
  };
}

function reasonOf({ status }: LoadBalancerPool): string {
  return status === undefined ? 'NoStatusYet' : (status.summary?.reason ?? '');
}

function listenersOf({ spec }: LoadBalancerPool): string[] {
  return spec.listeners.map(({ protocol, port }) => `${protocol} ${port}`);
}

/** What a search looks at. */
function wordsOf(pool: LoadBalancerPool): string[] {
  return [nameOf(pool), pool.spec.loadBalancing.algorithm, reasonOf(pool), ...listenersOf(pool)];
}

function statesOf({ status }: LoadBalancerPool): StateCounts {
  const { healthy = 0, unhealthy = 0, draining = 0, excluded = 0 } = status?.summary ?? {};
  return { Healthy: healthy, Unhealthy: unhealthy, Draining: draining, Excluded: excluded };
}

function conditionRows({ status }: LoadBalancerPool, role: ProcessView['role']): ConditionRow[] {
  return (status?.conditions ?? []).map(({ type, status, reason, message, lastTransitionTime }) => ({
    type,
    status,
    reason,
    message,
    since: Date.parse(lastTransitionTime),
    // That there is no second proxy is what standalone means.
    good:
      status === (type === 'Degraded' ? 'False' : 'True') || (type === 'Redundant' && role === 'standalone'),
  }));
}

function endpointPart(
  pools: readonly LoadBalancerPool[],
  source: StatusSource,
  { search, state, offset }: ListQuery,
): Part<EndpointRow> {
  const isWanted = (row: EndpointRow): boolean =>
    (state === '' || (state === 'trouble' ? row.state !== 'Healthy' : row.state === state)) &&
    matches([row.endpoint, row.pod, row.pool, row.backend, row.zone, row.state, row.reason], search);
  const rows = pools
    // Most pools have nobody in trouble, and their endpoints need not be looked at.
    .filter(({ status }) => state !== 'trouble' || status?.summary?.healthy !== status?.summary?.total)
    .flatMap((pool) => source.endpoints(pool).filter(isWanted));
  const need = ({ state }: EndpointRow): number => BY_NEED.indexOf(state);
  return part(
    rows.sort((a, b) => need(a) - need(b) || compare(a.pool, b.pool) || compare(a.backend, b.backend)),
    offset,
  );
}

/** From `offset` on, or the last part when the list has become shorter than that. */
function part<Item>(items: readonly Item[], offset: number): Part<Item> {
  const last = Math.max(0, Math.ceil(items.length / PART) - 1) * PART;
  const from = Math.min(Math.max(0, Math.floor(offset / PART) * PART), last);
  return { items: items.slice(from, from + PART), offset: from, total: items.length };
}

function matches(texts: readonly string[], search: string): boolean {
  const all = texts.join('\n').toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

function sum(counts: readonly StateCounts[]): StateCounts {
  const total = { Healthy: 0, Unhealthy: 0, Draining: 0, Excluded: 0 };
  for (const each of counts) {
    total.Healthy += each.Healthy;
    total.Unhealthy += each.Unhealthy;
    total.Draining += each.Draining;
    total.Excluded += each.Excluded;
  }
  return total;
}

function isBehind({ connected, applied, expected }: Overview['proxies']['items'][number]): boolean {
  return !connected || applied < expected;
}

function nameOf({ metadata }: LoadBalancerPool): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
