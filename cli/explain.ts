import type { PoolStatus } from '../api/pool.gen.ts';
import type { LoadBalancerPool } from '../api/pool.ts';
import type { PoolSnapshot, Route } from '../api/snapshot.ts';
import { hostPort } from '../lib/host-port.ts';
import { parseAuthority } from '../proxy/http/authority.ts';
import type { RequestView } from '../proxy/http/request-view.ts';
import { normalisePath } from '../proxy/http/normalise-path.ts';
import { compileAccess } from '../proxy/routing/access-rules.ts';
import { explainRoute } from '../proxy/routing/explain.ts';
import { compileRouteTable } from '../proxy/routing/route-table.ts';
import type { RouteEntry, RouteSource } from '../proxy/routing/rule.ts';

export interface ExplainedRequest {
  readonly url: string;
  readonly method: string;
  /** `name: value` */
  readonly headers: readonly string[];
  readonly body: string | undefined;
  readonly clientAddress: string;
}

export interface ExplainedRule {
  readonly pool: string;
  /** Empty: the pool's default backends. */
  readonly route: string;
  readonly outcome: string;
  readonly reason: string;
}

export interface ExplainedBackend {
  readonly name: string;
  readonly weight: number;
  readonly priority: number;
  readonly endpoints: readonly {
    readonly address: string;
    readonly state: string;
    readonly reason: string;
  }[];
}

export interface Explained {
  /** What becomes of the request, in a line. */
  readonly verdict: string;
  readonly rules: readonly ExplainedRule[];
  /** Of the rule that takes it, in the order in which they are considered. */
  readonly backends: readonly ExplainedBackend[];
  readonly algorithm: string;
}

/**
 * Which route, backends and endpoints a request would get, and why each other route does not take it: the same code
 * that routes, asked about every rule.
 */
export function explain(
  request: ExplainedRequest,
  snapshots: readonly PoolSnapshot[],
  pools: readonly LoadBalancerPool[],
): Explained {
  const url = new URL(request.url);
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const entries = snapshots.flatMap((pool): RouteEntry<PoolSnapshot>[] =>
    pool.config.listeners
      .filter((listener) => listener.port === port && listener.protocol.startsWith('HTTP'))
      .map((listener) => ({ pool, listener })),
  );
  if (entries.length === 0) return refused(`no pool has an HTTP listener on port ${port}`);
  const view = viewOf(request, url);
  if (typeof view === 'string') return refused(view);

  const table = compileRouteTable(entries, (source): RouteSource<PoolSnapshot> => source);
  const body = request.body === undefined ? undefined : Buffer.from(request.body);
  const { answer, candidates } = explainRoute(table, view, body);
  const rules = candidates.map(({ rule, outcome, reason }): ExplainedRule => {
    const { pool, route } = rule.payload;
    return { pool: `${pool.namespace}/${pool.name}`, route: route?.name ?? '', outcome, reason };
  });
  switch (answer.kind) {
    case 'no-route':
      return { ...refused('404: no route takes it'), rules };
    case 'needs-body':
      return { ...refused('a route decides by the body: give it with --body'), rules };
    case 'unreadable-body':
      return { ...refused('400: a route wants a body that can be read'), rules };
    case 'rule': {
      const { pool, route, backendRefs } = answer.payload;
      const name = `${pool.namespace}/${pool.name}`;
      const status = pools.find(({ metadata }) => metadata.uid === pool.uid)?.status ?? {};
      const backends = [...backendRefs]
        .sort((a, b) => a.priority - b.priority)
        .map((ref): ExplainedBackend => ({ ...ref, endpoints: endpointsOf(ref.name, pool, status) }));
      const takes =
        route === undefined ? `the default backends of ${name}` : `route ${route.name} of ${name}`;
      const refusal = refusalOf(answer.payload, request);
      if (refusal !== undefined) return { ...refused(`${takes}, which answers ${refusal}`), rules };
      const own = route?.filters.find(({ type }) => type === 'RequestRedirect' || type === 'DirectResponse');
      const itself =
        own !== undefined && 'statusCode' in own ? `, which answers ${own.statusCode} itself` : '';
      const verdict = `${takes}${itself}${rateOf(route)}`;
      return { verdict, rules, backends, algorithm: pool.config.loadBalancing.algorithm };
    }
  }
}

/** What the limits of a listener and a route have against a request; undefined: nothing. */
function refusalOf(
  { listener, route }: RouteSource<PoolSnapshot>,
  { clientAddress, body = '' }: ExplainedRequest,
): string | undefined {
  for (const [owner, rules] of [
    ['listener', listener.accessRules],
    ['route', route?.accessRules],
  ] as const) {
    if (compileAccess([rules])?.(clientAddress) === false)
      return `403: accessRules of the ${owner} do not let ${clientAddress} in`;
  }
  const { maxRequestBodyBytes } = listener.limits;
  return Buffer.byteLength(body) > (maxRequestBodyBytes ?? Infinity)
    ? `413: the listener takes bodies of ${maxRequestBodyBytes} bytes`
    : undefined;
}

function rateOf(route: Route | undefined): string {
  if (route?.rateLimit === undefined) return '';
  const { requests, perMs, burst, key } = route.rateLimit;
  const whose = key.type === 'Header' ? `value of ${key.name}` : 'client address';
  return `, up to ${requests} in ${perMs / 1_000} s (${burst} at once) of each ${whose}`;
}

function refused(verdict: string): Explained {
  return { verdict, rules: [], backends: [], algorithm: '' };
}

function endpointsOf(
  backend: string,
  pool: PoolSnapshot,
  { endpoints = [], endpointsTruncated = false }: PoolStatus,
): ExplainedBackend['endpoints'] {
  // A status that has no room for all lists those in trouble first.
  const unlisted = endpointsTruncated ? 'Healthy' : 'Unknown';
  return (pool.endpoints[backend] ?? []).map(({ address, port }) => {
    const known = endpoints.find(
      (endpoint) => endpoint.backend === backend && endpoint.address === address && endpoint.port === port,
    );
    return {
      address: hostPort(address, port),
      state: known?.state ?? unlisted,
      reason: known?.reason ?? '',
    };
  });
}

/** The request as the parser would hand it on; a text when it would be refused. */
function viewOf(request: ExplainedRequest, url: URL): RequestView | string {
  const hostname = parseAuthority(url.host);
  if (hostname === undefined) return `400: ${url.host} is no host`;
  const normalised = normalisePath(url.pathname);
  if ('fault' in normalised) return `400: ${url.pathname} is refused (${normalised.fault})`;
  const headers = new Map<string, string>([['host', url.host]]);
  for (const line of request.headers) {
    const colon = line.indexOf(':');
    if (colon < 1) return `not a header of the form "name: value": ${line}`;
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}${name === 'cookie' ? '; ' : ', '}${value}`);
  }
  return {
    method: request.method,
    hostname,
    path: normalised.path,
    query: url.search.slice(1),
    clientAddress: request.clientAddress,
    hasBody: request.body !== undefined,
    header: (name) => headers.get(name),
  };
}
