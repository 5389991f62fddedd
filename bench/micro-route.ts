/**
 * ns for one lookup in the route table, in tables of 1 to 1,000 routes. `node bench/micro-route.ts`
 * Each line is the median of several rounds; the ratio is to the same kind of table with one route.
 */
import type { Route } from '../api/snapshot.ts';
import { compileRouteTable, type RouteTable } from '../proxy/routing/route-table.ts';
import type { RequestView } from '../proxy/http/request-view.ts';
import type { RoutedPool } from '../proxy/routing/rule.ts';
import { listener, poolConfig, poolSnapshot, route, routeMatch } from '../test/support/builders.ts';

const ROUNDS = 9;
const LOOKUPS = 50_000;

/** As the HTTP codec makes them: fresh strings from bytes, so that no hash is known yet. */
function freshRequests(
  urls: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): RequestView[] {
  const fresh = (text: string) => Buffer.from(text).toString('latin1');
  return Array.from({ length: LOOKUPS }, (_, i): RequestView => {
    const [, hostname = '', path = '', query = ''] = /^([^/]*)([^?]*)\??(.*)$/.exec(urls[i % urls.length]!)!;
    return {
      method: 'GET',
      hostname: fresh(hostname),
      path: fresh(path),
      query,
      clientAddress: '10.1.2.3',
      hasBody: false,
      header: (name) => headers[name],
    };
  });
}

type Table = RouteTable<RoutedPool, string>;

function tableOf(routes: readonly Partial<Route>[]): Table {
  const on = listener();
  const pool = poolSnapshot({
    config: poolConfig({ listeners: [on], routes: routes.map((over) => route(over)) }),
  });
  return compileRouteTable([{ pool, listener: on }], (source) => source.route?.name ?? 'default');
}

function measure(table: Table, makeRequests: () => readonly RequestView[]): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const requests = makeRequests();
    const started = process.hrtime.bigint();
    for (const request of requests) table.lookup(request);
    return Number(process.hrtime.bigint() - started) / requests.length;
  });
  return rounds.toSorted((a, b) => a - b)[ROUNDS >> 1]!;
}

const prefix = (value: string) => [routeMatch({ path: { type: 'PathPrefix', value } })];
const exact = (value: string) => [routeMatch({ path: { type: 'Exact', value } })];
const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i).padStart(4, '0'));

const KINDS: readonly {
  readonly name: string;
  readonly routes: (id: string) => Partial<Route>;
  readonly url: (id: string) => string;
  readonly headers?: Readonly<Record<string, string>>;
}[] = [
  {
    name: 'hosts',
    routes: (id) => ({ hostnames: [`shop-${id}.example.com`] }),
    url: (id) => `shop-${id}.example.com/a/b`,
  },
  {
    name: 'wildcards',
    routes: (id) => ({ hostnames: [`*.s${id}.example.com`] }),
    url: (id) => `eu.s${id}.example.com/a/b`,
  },
  {
    name: 'prefixes',
    routes: (id) => ({ matches: prefix(`/v1/svc-${id}`) }),
    url: (id) => `a.example.com/v1/svc-${id}/orders/7`,
  },
  {
    name: 'exact paths',
    routes: (id) => ({ matches: exact(`/v1/svc-${id}/orders`) }),
    url: (id) => `a.example.com/v1/svc-${id}/orders`,
  },
  {
    name: 'one header',
    routes: (id) => ({
      matches: [routeMatch({ headers: [{ name: 'x-tenant', type: 'Exact', value: `tenant-${id}` }] })],
    }),
    url: () => 'a.example.com/v1',
    headers: { 'x-tenant': 'tenant-0000' },
  },
  {
    name: 'expressions',
    routes: (id) => ({
      matches: [routeMatch({ path: { type: 'RegularExpression', value: `/v1/svc-${id}/[0-9]+` } })],
    }),
    url: (id) => `a.example.com/v1/svc-${id}/42`,
  },
  {
    name: 'prefix, method, header, source',
    routes: (id) => ({
      matches: [
        routeMatch({
          path: { type: 'PathPrefix', value: `/v1/svc-${id}` },
          methods: ['GET'],
          headers: [{ name: 'x-tier', type: 'Exact', value: 'gold' }],
          sourceCIDRs: ['10.0.0.0/8'],
        }),
      ],
    }),
    url: (id) => `a.example.com/v1/svc-${id}/orders`,
    headers: { 'x-tier': 'gold' },
  },
];

for (const { name, routes, url, headers } of KINDS) {
  let one = 0;
  for (const count of [1, 10, 100, 1_000]) {
    const ids = numbers(count);
    const table = tableOf(ids.map((id) => Object.assign({ name: id }, routes(id))));
    const urls = ids.map((id) => url(id));
    const ns = measure(table, () => freshRequests(urls, headers));
    one ||= ns;
    console.log(
      `${name.padEnd(32)} ${String(count).padStart(5)} routes ${ns.toFixed(0).padStart(6)} ns  x${(ns / one).toFixed(2)}`,
    );
  }
}
