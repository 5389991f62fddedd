import type { BackendRef, Listener, PathMatch, PoolConfig, Route, RouteMatch } from '../../api/snapshot.ts';
import { intersectHostnames } from './hostname.ts';
import { normalisePathMatch } from './path-index.ts';

/** What routing reads of a pool; a `PoolRuntime` and a `PoolSnapshot` both are one. */
export interface RoutedPool {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: number;
  readonly config: PoolConfig;
}

/** One listener of one pool on the port that a table serves. */
export interface RouteEntry<P extends RoutedPool> {
  readonly pool: P;
  readonly listener: Listener;
}

/** Where a request may go: a route on a listener, or (without `route`) the pool's defaults there. */
export interface RouteSource<P extends RoutedPool> extends RouteEntry<P> {
  readonly route?: Route;
  readonly backendRefs: readonly BackendRef[];
}

/**
 * One match of one route on one listener, at one effective hostname: what precedence orders. A match with
 * several `sourceCIDRs` makes one rule for each prefix length, so that the order between rules is known
 * before there is a request.
 */
export interface RuleSpec<P extends RoutedPool> {
  readonly source: RouteSource<P>;
  /** The hostname of the listener that owns the rule; empty: every host. */
  readonly listenerHostname: string;
  /** What is left of it after the route's hostnames; empty: every host. */
  readonly hostname: string;
  /** Absent for a pool's defaults, which come after every route of their hostname. */
  readonly match?: RouteMatch;
  readonly path: PathMatch;
  /** The part of the match's `sourceCIDRs` with this prefix length, in IPv6 terms; -1: no condition. */
  readonly sourceCIDRs: readonly string[];
  readonly sourcePrefixLength: number;
  /** Place in the spec: routes in order, matches in order. */
  readonly routeIndex: number;
  readonly matchIndex: number;
}

const EVERY_PATH: PathMatch = { type: 'PathPrefix', value: '/' };
const MATCH_ALL: RouteMatch = { methods: [], headers: [], queryParams: [], cookies: [], sourceCIDRs: [] };

/** Every rule of a listener, in no order: its routes' matches at every hostname they share, and the defaults. */
export function expandRules<P extends RoutedPool>(entry: RouteEntry<P>): RuleSpec<P>[] {
  const rules = entry.pool.config.routes.flatMap((route, routeIndex) =>
    servesOn(route, entry.listener) ? expandRoute(entry, route, routeIndex) : [],
  );
  return rules.concat(expandDefaults(entry));
}

function expandRoute<P extends RoutedPool>(
  { pool, listener }: RouteEntry<P>,
  route: Route,
  routeIndex: number,
): RuleSpec<P>[] {
  const source: RouteSource<P> = { pool, listener, route, backendRefs: route.backendRefs };
  const matches = route.matches.length > 0 ? route.matches : [MATCH_ALL];
  const rules: RuleSpec<P>[] = [];
  for (const [matchIndex, match] of matches.entries()) {
    const path = normalisePathMatch(match.path ?? EVERY_PATH);
    for (const sources of groupByPrefixLength(match.sourceCIDRs)) {
      for (const hostnames of sharedHostnames(listener, route.hostnames)) {
        rules.push({ source, ...hostnames, match, path, ...sources, routeIndex, matchIndex });
      }
    }
  }
  return rules;
}

function expandDefaults<P extends RoutedPool>({ pool, listener }: RouteEntry<P>): RuleSpec<P>[] {
  const { defaultBackendRefs, routes } = pool.config;
  if (defaultBackendRefs.length === 0) return [];
  const source: RouteSource<P> = { pool, listener, backendRefs: defaultBackendRefs };
  const sources = { sourceCIDRs: [], sourcePrefixLength: -1 };
  return sharedHostnames(listener, []).map(({ listenerHostname, hostname }) => ({
    source,
    listenerHostname,
    hostname,
    path: EVERY_PATH,
    ...sources,
    routeIndex: routes.length,
    matchIndex: 0,
  }));
}

/** A route that names no listener is on every HTTP and HTTPS listener. */
function servesOn(route: Route, listener: Listener): boolean {
  if (route.listeners.length > 0) return route.listeners.includes(listener.name);
  return listener.protocol === 'HTTP' || listener.protocol === 'HTTPS';
}

/** Each hostname of the listener with what a route's hostnames leave of it. */
function sharedHostnames(
  listener: Listener,
  routeHostnames: readonly string[],
): { readonly listenerHostname: string; readonly hostname: string }[] {
  const own = listener.hostnames.length > 0 ? listener.hostnames : [''];
  const asked = routeHostnames.length > 0 ? routeHostnames : [''];
  return own.flatMap((listenerHostname) => {
    const shared = new Set(asked.map((hostname) => intersectHostnames(listenerHostname, hostname)));
    shared.delete(undefined);
    return [...shared].map((hostname) => ({ listenerHostname, hostname: hostname! }));
  });
}

function groupByPrefixLength(
  cidrs: readonly string[],
): { sourceCIDRs: readonly string[]; sourcePrefixLength: number }[] {
  if (cidrs.length === 0) return [{ sourceCIDRs: [], sourcePrefixLength: -1 }];
  const groups = Map.groupBy(cidrs, prefixLength);
  return [...groups].map(([sourcePrefixLength, sourceCIDRs]) => ({ sourceCIDRs, sourcePrefixLength }));
}

/** In IPv6 terms, where an IPv4 prefix lies under `::ffff:0:0/96`, so that both families compare. */
function prefixLength(cidr: string): number {
  const bits = Number(cidr.slice(cidr.indexOf('/') + 1));
  return cidr.includes(':') ? bits : bits + 96;
}
