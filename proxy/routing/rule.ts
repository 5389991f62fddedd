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
  const { pool, listener } = entry;
  const rules: RuleSpec<P>[] = [];
  const listenerHostnames = listener.hostnames.length > 0 ? listener.hostnames : [''];
  for (const [routeIndex, route] of pool.config.routes.entries()) {
    if (!servesOn(route, listener)) continue;
    const source: RouteSource<P> = { pool, listener, route, backendRefs: route.backendRefs };
    const matches = route.matches.length > 0 ? route.matches : [MATCH_ALL];
    for (const listenerHostname of listenerHostnames) {
      for (const hostname of effectiveHostnames(listenerHostname, route.hostnames)) {
        for (const [matchIndex, match] of matches.entries()) {
          for (const group of groupByPrefixLength(match.sourceCIDRs)) {
            rules.push({
              source,
              listenerHostname,
              hostname,
              match,
              path: normalisePathMatch(match.path ?? EVERY_PATH),
              ...group,
              routeIndex,
              matchIndex,
            });
          }
        }
      }
    }
  }
  if (pool.config.defaultBackendRefs.length > 0) {
    const source: RouteSource<P> = { pool, listener, backendRefs: pool.config.defaultBackendRefs };
    for (const listenerHostname of listenerHostnames) {
      rules.push({
        source,
        listenerHostname,
        hostname: listenerHostname,
        path: EVERY_PATH,
        sourceCIDRs: [],
        sourcePrefixLength: -1,
        routeIndex: pool.config.routes.length,
        matchIndex: 0,
      });
    }
  }
  return rules;
}

/** A route that names no listener is on every HTTP and HTTPS listener. */
function servesOn(route: Route, listener: Listener): boolean {
  if (route.listeners.length > 0) return route.listeners.includes(listener.name);
  return listener.protocol === 'HTTP' || listener.protocol === 'HTTPS';
}

function effectiveHostnames(listenerHostname: string, routeHostnames: readonly string[]): Set<string> {
  if (routeHostnames.length === 0) return new Set([listenerHostname]);
  const shared = routeHostnames.map((hostname) => intersectHostnames(listenerHostname, hostname));
  return new Set(shared.filter((hostname) => hostname !== undefined));
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
