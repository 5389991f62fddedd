import { describe, expect, it } from 'vitest';
import type { Listener, Route } from '../../../../api/snapshot.ts';
import { compileRouteTable } from '../../../../proxy/routing/route-table.ts';
import type { RoutedPool } from '../../../../proxy/routing/rule.ts';
import {
  backendRef,
  listener,
  poolConfig,
  poolSnapshot,
  route,
  routeMatch,
} from '../../../support/builders.ts';
import { request } from '../../../support/request-view.ts';

interface PoolInput {
  readonly name?: string;
  readonly namespace?: string;
  readonly createdAt?: number;
  readonly listeners?: readonly Partial<Listener>[];
  readonly routes?: readonly Partial<Route>[];
  readonly defaults?: boolean;
}

function pool(input: PoolInput): RoutedPool {
  return poolSnapshot({
    name: input.name ?? 'pool',
    namespace: input.namespace ?? 'default',
    createdAt: input.createdAt ?? 0,
    config: poolConfig({
      listeners: (input.listeners ?? [{}]).map((over) => listener(over)),
      routes: (input.routes ?? []).map((over) => route(over)),
      defaultBackendRefs: input.defaults === true ? [backendRef()] : [],
    }),
  });
}

/** A table over all listeners of the pools; an answer reads `pool/route`, `pool/default` or its kind. */
function tableOf(...pools: RoutedPool[]) {
  const entries = pools.flatMap((each) => each.config.listeners.map((on) => ({ pool: each, listener: on })));
  const table = compileRouteTable(
    entries,
    ({ pool: from, route: to }) => `${from.name}/${to?.name ?? 'default'}`,
  );
  return {
    route: (...input: Parameters<typeof request>) => {
      const answer = table.lookup(request(...input));
      return answer.kind === 'rule' ? answer.payload : answer.kind;
    },
  };
}

const prefix = (value: string) => routeMatch({ path: { type: 'PathPrefix', value } });
const exact = (value: string) => routeMatch({ path: { type: 'Exact', value } });
const regex = (value: string) => routeMatch({ path: { type: 'RegularExpression', value } });

describe('the hostname of a request', () => {
  const table = tableOf(
    pool({
      routes: [
        { name: 'exact', hostnames: ['a.example.com'] },
        { name: 'wild', hostnames: ['*.example.com'] },
        { name: 'deep', hostnames: ['*.b.example.com'] },
      ],
    }),
  );
  // B05
  it.each([
    ['the very hostname', 'a.example.com', 'pool/exact'],
    ['a name that only begins like it', 'a.example.com.evil', 'no-route'],
    ['a name that only ends like it', 'xa.example.com', 'pool/wild'],
    ['one label below a wildcard', 'x.example.com', 'pool/wild'],
    ['several labels below a wildcard', 'x.y.example.com', 'pool/wild'],
    ['below the longer wildcard', 'x.b.example.com', 'pool/deep'],
    ['several labels below the longer wildcard', 'x.y.b.example.com', 'pool/deep'],
    ['the parent of the longer wildcard', 'b.example.com', 'pool/wild'],
    ['the parent of a wildcard', 'example.com', 'no-route'],
    ['the end of a wildcard without its dot', 'xexample.com', 'no-route'],
    ['an empty label below a wildcard', '.example.com', 'no-route'],
    ['no hostname', '', 'no-route'],
  ])('%s', (_, hostname, expected) => {
    expect(table.route({ url: `${hostname}/` })).toBe(expected);
  });
});

describe('the path of a request', () => {
  const table = tableOf(
    pool({
      routes: [
        { name: 'all', matches: [prefix('/')] },
        { name: 'v1', matches: [prefix('/v1')] },
        { name: 'v1-orders', matches: [prefix('/v1/orders/')] },
        { name: 'v1-orders-new', matches: [exact('/v1/orders/new')] },
        { name: 'v10', matches: [prefix('/v10')] },
        { name: 'v1-put', matches: [routeMatch({ ...prefix('/v1/put'), methods: ['PUT'] })] },
        { name: 'v1x-put', matches: [routeMatch({ ...prefix('/v1x'), methods: ['PUT'] })] },
        { name: 'users', matches: [regex('/v1/users/[0-9]+')] },
      ],
    }),
  );
  it.each([
    ['/', 'pool/all'],
    ['/v', 'pool/all'],
    ['/v1', 'pool/v1'],
    ['/v1/', 'pool/v1'],
    ['/v1x', 'pool/all'],
    ['/v10', 'pool/v10'],
    ['/v10/orders', 'pool/v10'],
    ['/v1/orders', 'pool/v1-orders'],
    ['/v1/orders/', 'pool/v1-orders'],
    ['/v1/orders/7', 'pool/v1-orders'],
    ['/v1/ordersx', 'pool/v1'],
    ['/v1/orders/new', 'pool/v1-orders-new'],
    ['/v1/orders/new/', 'pool/v1-orders'],
    ['/V1', 'pool/all'],
    ['/v1x/put', 'pool/all'],
    ['/v1/put/x', 'pool/v1'],
    ['/v1/users/7', 'pool/users'],
    ['/v1/users/7/x', 'pool/v1'],
    ['/x/v1/users/7', 'pool/all'],
  ])('%s', (path, expected) => {
    expect(table.route({ url: `a.example.com${path}` })).toBe(expected);
  });
});

describe('a path in a route', () => {
  it.each([
    ['/%7eme', '/~me'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/a//b/./c', '/a/b/c'],
  ])('%s takes a request for %s', (value, path) => {
    expect(tableOf(pool({ routes: [{ matches: [prefix(value)] }] })).route({ url: `h${path}/x` })).toBe(
      'pool/r',
    );
    expect(tableOf(pool({ routes: [{ matches: [exact(value)] }] })).route({ url: `h${path}` })).toBe(
      'pool/r',
    );
  });
});

describe('headers, methods, cookies and query parameters', () => {
  const only = (match: Parameters<typeof routeMatch>[0]) =>
    tableOf(pool({ routes: [{ matches: [routeMatch(match)] }] }));

  it('takes any of the methods', () => {
    const table = only({ methods: ['GET', 'HEAD'] });
    expect(table.route({ method: 'HEAD' })).toBe('pool/r');
    expect(table.route({ method: 'POST' })).toBe('no-route');
  });

  it.each([
    [{ type: 'Exact', value: 'gold' }, 'gold', 'pool/r'],
    [{ type: 'Exact', value: 'gold' }, 'Gold', 'no-route'],
    [{ type: 'Exact', value: 'gold' }, undefined, 'no-route'],
    [{ type: 'RegularExpression', value: 'go+ld' }, 'goold', 'pool/r'],
    [{ type: 'RegularExpression', value: 'go+ld' }, 'x gold', 'no-route'],
    [{ type: 'RegularExpression', value: '.*' }, undefined, 'no-route'],
    [{ type: 'Present' }, '', 'pool/r'],
    [{ type: 'Present' }, undefined, 'no-route'],
    [{ type: 'Absent' }, undefined, 'pool/r'],
    [{ type: 'Absent' }, '', 'no-route'],
  ] as const)('%o with %o: %s', (match, value, expected) => {
    const headers = value === undefined ? {} : { 'x-tier': value };
    expect(only({ headers: [{ name: 'x-tier', ...match }] }).route({ headers })).toBe(expected);
    const cookie: Record<string, string> =
      value === undefined ? { cookie: 'b=1' } : { cookie: `b=1; tier=${value}; tier=z` };
    expect(only({ cookies: [{ name: 'tier', ...match }] }).route({ headers: cookie })).toBe(expected);
    const query = value === undefined ? 'b=1' : `b=1&tier=${value}&tier=z`;
    expect(only({ queryParams: [{ name: 'tier', ...match }] }).route({ url: `h/?${query}` })).toBe(expected);
  });

  it('asks all conditions of a match and any match of a route', () => {
    const table = tableOf(
      pool({
        routes: [
          {
            matches: [
              routeMatch({ methods: ['GET'], headers: [{ name: 'a', type: 'Present' }] }),
              routeMatch({ methods: ['PUT'] }),
            ],
          },
        ],
      }),
    );
    expect(table.route({ headers: { a: '' } })).toBe('pool/r');
    expect(table.route({})).toBe('no-route');
    expect(table.route({ method: 'PUT' })).toBe('pool/r');
  });
});
