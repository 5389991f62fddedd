/**
 * What the status page asks of a process, be it a controller or a standalone one. Lists come in parts, those in trouble
 * first, so that a thousand of anything stays a page. Times are milliseconds since the epoch.
 */
import type { EndpointState } from './health.ts';

/** The part of a list that was asked for. */
export interface Part<Item> {
  readonly items: readonly Item[];
  /** How many there are before those in `items`. */
  readonly offset: number;
  /** How many match in all. */
  readonly total: number;
}

/** Requests per second, oldest first; the last value is the newest. */
export interface Rates {
  readonly everyMs: number;
  readonly perSecond: readonly number[];
  readonly failedPerSecond: readonly number[];
}

export type StateCounts = Readonly<Record<EndpointState, number>>;

export interface ProcessView {
  readonly role: 'controller' | 'standalone';
  readonly version: string;
  /** Of a controller. */
  readonly className?: string;
  readonly leading?: boolean;
}

export interface PoolRow {
  /** `namespace/name`. */
  readonly name: string;
  readonly algorithm: string;
  /** `HTTP 8080`. */
  readonly listeners: readonly string[];
  /** What needs attention, in a word; empty: nothing does. */
  readonly reason: string;
  readonly states: StateCounts;
  /** `3/3`: proxies that have applied it, of those that should. */
  readonly proxies: string;
  readonly rates: Rates;
}

export interface ConditionRow {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly since: number;
  /** Is it as it should be? */
  readonly good: boolean;
}

export interface BackendRow {
  readonly name: string;
  readonly total: number;
  readonly healthy: number;
  /** Share of the default traffic. */
  readonly sharePercent: number;
}

export interface EndpointRow {
  readonly pool: string;
  readonly backend: string;
  /** `address:port`. */
  readonly endpoint: string;
  readonly pod: string;
  readonly zone: string;
  readonly state: EndpointState;
  readonly source: string;
  readonly reason: string;
  readonly message: string;
  /** 0: not known. */
  readonly since: number;
  /** `2/3`: proxies that see it so, of those that have reported. */
  readonly seenBy: string;
}

export interface ProxyRow {
  readonly name: string;
  readonly connected: boolean;
  readonly version: string;
  readonly node: string;
  readonly zone: string;
  /** Pools that it has applied as they are now, of all that there are to serve. */
  readonly applied: number;
  readonly expected: number;
  /** Some pools that it has not applied, or has refused. */
  readonly behind: readonly string[];
}

/** How a proxy stands to one pool. */
export interface PoolProxyRow {
  readonly name: string;
  readonly connected: boolean;
  /** Digest of what it serves; empty: nothing. */
  readonly digest: string;
  /** It serves what it should. */
  readonly current: boolean;
  /** Why it refused the present content; empty: it did not. */
  readonly refused: string;
}

export interface Overview {
  readonly process: ProcessView;
  readonly now: number;
  /** What is wrong with the manifests of a standalone process. */
  readonly faults: readonly string[];
  /** Over all pools. */
  readonly states: StateCounts;
  readonly rates: Rates;
  readonly poolsInTrouble: number;
  readonly poolsTotal: number;
  readonly proxiesConnected: number;
  readonly proxiesTotal: number;
  readonly pools: Part<PoolRow>;
  readonly proxies: Part<ProxyRow>;
  readonly endpoints: Part<EndpointRow>;
}

export interface PoolDetail {
  readonly process: ProcessView;
  readonly now: number;
  readonly pool: PoolRow;
  readonly generation: number;
  readonly paused: boolean;
  readonly addresses: readonly string[];
  /** Digest of what the proxies should serve; empty: nothing. */
  readonly digest: string;
  readonly lastError: string;
  readonly conditions: readonly ConditionRow[];
  readonly backends: readonly BackendRow[];
  readonly proxies: readonly PoolProxyRow[];
  readonly endpoints: Part<EndpointRow>;
}
