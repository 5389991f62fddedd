import type { PathMatch } from '../../api/snapshot.ts';
import { compareHostnames } from './hostname.ts';
import type { RoutedPool, RuleSpec } from './rule.ts';

const PATH_RANK: Readonly<Record<PathMatch['type'], number>> = {
  Exact: 0,
  RegularExpression: 1,
  PathPrefix: 2,
};

/**
 * The order in which rules are asked, the first that holds wins: the Gateway API's (HTTPRouteSpec.hostnames,
 * HTTPRouteRule.matches), and where that leaves it open or knows no such match:
 *
 * 1. the more specific hostname;
 * 2. routes before a pool's defaults;
 * 3. exact path, then regular expressions (longest first), then the longest prefix;
 * 4. a match with methods;
 * 5. the most headers, then the most cookies, then the most query parameters;
 * 6. a match on the body;
 * 7. the longest prefix in `sourceCIDRs`;
 * 8. the oldest pool, then namespace and name, then the order in the spec.
 */
export function compareRules(a: RuleSpec<RoutedPool>, b: RuleSpec<RoutedPool>): number {
  return compareHostnames(a.hostname, b.hostname) || compareWithinHostname(a, b);
}

export function compareWithinHostname(a: RuleSpec<RoutedPool>, b: RuleSpec<RoutedPool>): number {
  return compareMatches(a, b) || comparePools(a.source.pool, b.source.pool) || comparePlace(a, b);
}

function compareMatches(a: RuleSpec<RoutedPool>, b: RuleSpec<RoutedPool>): number {
  if (a.match === undefined || b.match === undefined) {
    return Number(a.match === undefined) - Number(b.match === undefined);
  }
  return (
    PATH_RANK[a.path.type] - PATH_RANK[b.path.type] ||
    b.path.value.length - a.path.value.length ||
    Number(b.match.methods.length > 0) - Number(a.match.methods.length > 0) ||
    b.match.headers.length - a.match.headers.length ||
    b.match.cookies.length - a.match.cookies.length ||
    b.match.queryParams.length - a.match.queryParams.length ||
    Number(b.match.body !== undefined) - Number(a.match.body !== undefined) ||
    b.sourcePrefixLength - a.sourcePrefixLength
  );
}

function comparePools(a: RoutedPool, b: RoutedPool): number {
  return a.createdAt - b.createdAt || compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}

function comparePlace(a: RuleSpec<RoutedPool>, b: RuleSpec<RoutedPool>): number {
  return a.routeIndex - b.routeIndex || a.matchIndex - b.matchIndex;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
