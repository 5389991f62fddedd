import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Listener, NamedMatch, Route, RouteMatch } from '../../../../api/snapshot.ts';
import type { RequestView } from '../../../../proxy/http/request-view.ts';
import { explainRoute } from '../../../../proxy/routing/explain.ts';
import { compileRouteTable } from '../../../../proxy/routing/route-table.ts';
import type { RouteEntry, RoutedPool } from '../../../../proxy/routing/rule.ts';
import {
  backendRef,
  listener,
  poolConfig,
  poolSnapshot,
  route,
  routeMatch,
} from '../../../support/builders.ts';
import { request } from '../../../support/request-view.ts';

/**
 * A second opinion, written from the API documentation and not from the table: goes through every match of every
 * route, keeps those that hold, and takes the one that ranks first. It knows no index, no order of compilation
 * and no expanded rules.
 */

interface Body {
  readonly model: string | undefined;
}
type Ask = { readonly view: RequestView; readonly body: Body | 'unreadable' | 'not-read' };

function reference(entries: readonly RouteEntry<RoutedPool>[], ask: Ask): string {
  const host = ask.view.hostname;
  const owner = best(
    entries.flatMap(({ listener: on }) => hostnamesOf(on)).filter((name) => takesHost(name, host)),
  );
  if (owner === undefined) return 'no-route';
  const found: { rank: (number | string)[]; label: string; match: RouteMatch | undefined }[] = [];
  for (const [place, { pool, listener: on }] of entries.entries()) {
    if (!hostnamesOf(on).includes(owner)) continue;
    const age = [pool.createdAt, pool.namespace, pool.name];
    for (const [routeIndex, each] of pool.config.routes.entries()) {
      if (each.listeners.length > 0 && !each.listeners.includes(on.name)) continue;
      const own =
        each.hostnames.length === 0 ? owner : best(each.hostnames.filter((name) => takesHost(name, host)));
      if (own === undefined) continue;
      const matches = each.matches.length === 0 ? [routeMatch()] : each.matches;
      for (const [matchIndex, match] of matches.entries()) {
        if (!holds(match, ask.view)) continue;
        found.push({
          rank: [
            -Math.max(characters(owner), characters(own)),
            0,
            ...rankOf(match, ask.view),
            ...age,
            routeIndex,
            matchIndex,
            place,
          ],
          label: `${pool.name}/${each.name}/${matchIndex}`,
          match,
        });
      }
    }
    if (pool.config.defaultBackendRefs.length > 0) {
      found.push({
        rank: [-characters(owner), 1, ...age, place],
        label: `${pool.name}/default`,
        match: undefined,
      });
    }
  }
  for (const { match, label } of found.sort((a, b) => compareRanks(a.rank, b.rank))) {
    if (match?.body === undefined) return label;
    const { value, onUnreadable } = match.body;
    if (!ask.view.hasBody) {
      if (value.type === 'Absent') return label;
    } else if (ask.body === 'unreadable' || ask.view.header('content-type') !== 'application/json') {
      if (onUnreadable === 'Reject') return 'unreadable-body';
    } else if (ask.body === 'not-read') {
      return 'needs-body';
    } else if (valueHolds(value, ask.body.model)) {
      return label;
    }
  }
  return 'no-route';
}

const hostnamesOf = (on: Listener) => (on.hostnames.length === 0 ? [''] : on.hostnames);
const takesHost = (pattern: string, host: string) =>
  pattern === '' ||
  pattern === host ||
  (pattern.startsWith('*') && host.length > pattern.length - 1 && host.endsWith(pattern.slice(1)));
const characters = (pattern: string) =>
  pattern === '' ? 0 : pattern.startsWith('*') ? pattern.length : 1_000 + pattern.length;
const best = (patterns: readonly string[]) => patterns.toSorted((a, b) => characters(b) - characters(a))[0];

function holds(match: RouteMatch, view: RequestView): boolean {
  const cookies = (view.header('cookie') ?? '').split('; ').map((pair) => pair.split('='));
  const query = new URLSearchParams(view.query);
  return (
    pathHolds(match, view.path) &&
    (match.methods.length === 0 || match.methods.includes(view.method)) &&
    match.headers.every((each) => valueHolds(each, view.header(each.name))) &&
    match.cookies.every((each) => valueHolds(each, cookies.find(([name]) => name === each.name)?.[1])) &&
    match.queryParams.every((each) => valueHolds(each, query.get(each.name) ?? undefined)) &&
    (match.sourceCIDRs.length === 0 || match.sourceCIDRs.some((cidr) => inCidr(cidr, view.clientAddress)))
  );
}

function pathHolds({ path }: RouteMatch, asked: string): boolean {
  if (path === undefined) return true;
  if (path.type === 'Exact') return asked === path.value;
  if (path.type === 'RegularExpression') return new RegExp(`^(?:${path.value})$`).test(asked);
  const wanted = path.value.split('/').filter((segment, index) => index === 0 || segment !== '');
  const segments = asked.split('/');
  return wanted.every((segment, index) => segment === segments[index]);
}

function valueHolds(match: { type: NamedMatch['type']; value?: string }, value: string | undefined): boolean {
  if (match.type === 'Absent') return value === undefined;
  if (value === undefined) return false;
  if (match.type === 'Present') return true;
  return match.type === 'Exact' ? value === match.value : new RegExp(`^(?:${match.value})$`).test(value);
}

const bitsOf = (address: string) =>
  address
    .split('.')
    .map((octet) => Number(octet).toString(2).padStart(8, '0'))
    .join('');
function inCidr(cidr: string, address: string): boolean {
  const [base = '', length = ''] = cidr.split('/');
  return bitsOf(address).startsWith(bitsOf(base).slice(0, Number(length)));
}

function rankOf(match: RouteMatch, view: RequestView): number[] {
  const { type, value } = match.path ?? { type: 'PathPrefix', value: '/' };
  const length = type === 'PathPrefix' && value !== '/' ? value.replace(/\/$/, '').length : value.length;
  const prefixes = match.sourceCIDRs
    .filter((cidr) => inCidr(cidr, view.clientAddress))
    .map((cidr) => Number(cidr.split('/')[1]));
  return [
    ['Exact', 'RegularExpression', 'PathPrefix'].indexOf(type),
    -length,
    match.methods.length > 0 ? 0 : 1,
    -match.headers.length,
    -match.cookies.length,
    -match.queryParams.length,
    match.body === undefined ? 1 : 0,
    -Math.max(-1, ...prefixes),
  ];
}

function compareRanks(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  const at = a.findIndex((part, index) => part !== b[index]);
  if (at === -1) return 0;
  return a[at]! < b[at]! ? -1 : 1;
}

// ---- what may be asked: small alphabets, so that rules overlap often ----

const hosts = ['a.test', 'b.test', 'x.a.test', 'y.x.a.test', 'test', 'other'];
const patterns = [...hosts, '*.test', '*.a.test', '*.x.a.test'];
const hostnameList = fc.uniqueArray(fc.constantFrom(...patterns), { maxLength: 3 });
const paths = ['/', '/a', '/a/', '/ab', '/a/b', '/a/b/c', '/a/bc', '/b', '/b/a'];
const somePath = fc.oneof(
  fc.record({
    type: fc.constantFrom('Exact' as const, 'PathPrefix' as const),
    value: fc.constantFrom(...paths),
  }),
  fc.record({
    type: fc.constant('RegularExpression' as const),
    value: fc.constantFrom('/a.*', '/[ab]', '/a/b/?', '.*/b'),
  }),
);
const someValue = fc.oneof(
  fc.record({ type: fc.constant('Exact' as const), value: fc.constantFrom('1', '2') }),
  fc.record({ type: fc.constant('RegularExpression' as const), value: fc.constantFrom('[12]', '.', '11*') }),
  fc.record({ type: fc.constantFrom('Present' as const, 'Absent' as const) }),
);
const someNamed = fc.uniqueArray(
  fc
    .tuple(fc.constantFrom('n', 'm'), someValue)
    .map(([name, value]): NamedMatch => Object.assign({ name }, value)),
  { maxLength: 2, selector: ({ name }) => name },
);
const rarely = <T>(arbitrary: fc.Arbitrary<T>, otherwise: T) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(otherwise) }, { weight: 1, arbitrary });
const someMatch = fc
  .record({
    path: fc.option(somePath, { nil: undefined }),
    methods: rarely(fc.subarray(['GET', 'PUT'], { minLength: 1 }), []),
    headers: rarely(someNamed, []),
    queryParams: rarely(someNamed, []),
    cookies: rarely(someNamed, []),
    sourceCIDRs: rarely(fc.subarray(['10.0.0.0/8', '10.1.0.0/16', '10.1.1.0/24', '192.0.2.0/24']), []),
    body: rarely(
      fc.record({ value: someValue, onUnreadable: fc.constantFrom('NoMatch' as const, 'Reject' as const) }),
      undefined,
    ),
  })
  .map(({ path, body, ...rest }) =>
    routeMatch({
      ...rest,
      ...(path === undefined ? {} : { path }),
      ...(body === undefined ? {} : { body: { type: 'JSON', jsonPath: '$.model', ...body } }),
    }),
  );
/** Many routes in a row that differ in the value of one header, cookie or parameter, as tenants make them. */
const someTenants = fc
  .array(
    fc.record({
      list: fc.constantFrom('headers' as const, 'cookies' as const, 'queryParams' as const),
      value: fc.constantFrom('1', '2', '11', '3'),
      methods: rarely(fc.subarray(['GET'], { minLength: 1 }), []),
    }),
    { maxLength: 12 },
  )
  .map((tenants) =>
    tenants.map(({ list, value, methods }) => ({
      matches: [routeMatch({ methods, [list]: [{ name: 'n', type: 'Exact', value }] })],
    })),
  );
const someRoutes = fc
  .array(
    fc.record({
      hostnames: rarely(hostnameList, []),
      listeners: rarely(fc.subarray(['one', 'two'], { minLength: 1, maxLength: 1 }), []),
      matches: fc.array(someMatch, { maxLength: 3 }),
    }),
    { maxLength: 5 },
  )
  .chain((routes) => rarely(someTenants, []).map((tenants) => (tenants as Partial<Route>[]).concat(routes)))
  .map((routes) => routes.map((over, index) => route(Object.assign({ name: `r${index}` }, over))));
const somePools = fc
  .array(
    fc.record({
      createdAt: fc.nat(2),
      namespace: fc.constantFrom('n1', 'n2'),
      listeners: fc.array(hostnameList, { minLength: 1, maxLength: 2 }),
      routes: someRoutes,
      defaults: fc.boolean(),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((pools) =>
    pools.map(({ createdAt, namespace, listeners, routes, defaults }, index) =>
      poolSnapshot({
        name: `p${index}`,
        namespace,
        createdAt,
        config: poolConfig({
          listeners: listeners.map((hostnames, at) => listener({ name: ['one', 'two'][at]!, hostnames })),
          routes,
          defaultBackendRefs: defaults ? [backendRef()] : [],
        }),
      }),
    ),
  );
const headerValue = fc.constantFrom('1', '2', '11', '3');
const someAsk = fc
  .record({
    method: fc.constantFrom('GET', 'PUT', 'POST'),
    host: fc.constantFrom(...hosts),
    path: fc.constantFrom(...paths),
    header: fc.option(headerValue, { nil: undefined }),
    cookie: fc.option(headerValue, { nil: undefined }),
    query: fc.option(headerValue, { nil: undefined }),
    client: fc.constantFrom('10.1.1.1', '10.1.2.1', '10.2.0.1', '192.0.2.1', '198.51.100.1'),
    hasBody: fc.boolean(),
    json: fc.boolean(),
    body: fc.constantFrom<Ask['body']>(
      'unreadable',
      'not-read',
      { model: undefined },
      { model: '1' },
      { model: '3' },
    ),
  })
  .map(({ method, host, path, header, cookie, query, client, hasBody, json, body }): Ask => {
    const headers: Record<string, string> = {};
    if (header !== undefined) headers['n'] = header;
    if (cookie !== undefined) headers['cookie'] = `n=${cookie}; o=1`;
    if (json) headers['content-type'] = 'application/json';
    const url = `${host}${path}${query === undefined ? '' : `?n=${query}`}`;
    return { view: request({ method, url, headers, clientAddress: client, hasBody }), body };
  });

/** How `explain` says what `lookup` answers. */
const OUTCOMES = {
  rule: ['wins'],
  'needs-body': ['needs-body'],
  'unreadable-body': ['rejects'],
  'no-route': [],
} as const;

describe('the route table', () => {
  it('answers as a plain reading of the precedence rules does, and explains what it answers', () => {
    fc.assert(
      fc.property(somePools, fc.array(someAsk, { minLength: 1, maxLength: 12 }), (pools, asks) => {
        const entries = pools.flatMap((pool) => pool.config.listeners.map((on) => ({ pool, listener: on })));
        const table = compileRouteTable(
          entries,
          ({ pool, route: to }) => `${pool.name}/${to?.name ?? 'default'}`,
        );
        for (const ask of asks) {
          const bytes =
            typeof ask.body === 'string'
              ? 'unreadable'
              : new TextEncoder().encode(JSON.stringify({ ...ask.body, x: [] }));
          const explanation = explainRoute(table, ask.view, ask.body === 'not-read' ? undefined : bytes);
          const { answer, candidates } = explanation;
          const matchIndex =
            answer.kind === 'rule' && answer.spec.match !== undefined ? `/${answer.spec.matchIndex}` : '';
          const label = answer.kind === 'rule' ? `${answer.payload}${matchIndex}` : answer.kind;
          expect(label).toBe(reference(entries, ask));

          const taken = candidates.filter(({ outcome }) => outcome !== 'loses');
          expect(taken.map(({ outcome }) => outcome)).toEqual(OUTCOMES[answer.kind]);
          expect(answer.kind === 'rule' ? answer : taken[0]?.rule).toBe(taken[0]?.rule);
          expect(candidates.every(({ outcome, reason }) => (outcome === 'loses') === (reason !== ''))).toBe(
            true,
          );
        }
      }),
      { numRuns: 2_000, seed: 1 },
    );
  });
});
