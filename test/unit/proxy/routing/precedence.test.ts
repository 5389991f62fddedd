import { describe, expect, it } from 'vitest';
import type { Listener, NamedMatch, Route, RouteMatch } from '../../../../api/snapshot.ts';
import { compileRouteTable } from '../../../../proxy/routing/route-table.ts';
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

function winner(pools: readonly PoolInput[], ask: Parameters<typeof request>[0]): string {
  const entries = pools.flatMap((input) => {
    const listeners = (input.listeners ?? [{}]).map((over) => listener(over));
    const pool = poolSnapshot({
      name: input.name ?? 'pool',
      namespace: input.namespace ?? 'default',
      createdAt: input.createdAt ?? 0,
      config: poolConfig({
        listeners,
        routes: (input.routes ?? []).map((over) => route(over)),
        defaultBackendRefs: input.defaults === true ? [backendRef()] : [],
      }),
    });
    return listeners.map((on) => ({ pool, listener: on }));
  });
  const table = compileRouteTable(entries, ({ pool, listener: on, route: to }) => {
    const place = pools.length > 1 ? `${pool.name}/` : '';
    return on.name === 'web'
      ? `${place}${to?.name ?? 'default'}`
      : `${place}${on.name}/${to?.name ?? 'default'}`;
  });
  const answer = table.lookup(request(ask));
  return answer.kind === 'rule' ? answer.payload : answer.kind;
}

const named = (...names: string[]): NamedMatch[] => names.map((name) => ({ name, type: 'Present' }));
const path = (type: 'Exact' | 'PathPrefix' | 'RegularExpression', value: string) => ({
  path: { type, value },
});
const headers = { a: '1', b: '1', cookie: 'a=1; b=1', 'content-type': 'application/json' };

describe('of two matches that hold, the one', () => {
  it.each<[string, Partial<RouteMatch>, Partial<RouteMatch>]>([
    [
      'with an exact path before any prefix',
      path('Exact', '/x/y'),
      { ...path('PathPrefix', '/x/y'), methods: ['GET'] },
    ],
    [
      'with an exact path before any expression',
      path('Exact', '/x/y'),
      path('RegularExpression', '/x/y|/long/alternative'),
    ],
    ['with an expression before any prefix', path('RegularExpression', '/.*'), path('PathPrefix', '/x/y')],
    ['with the longer expression', path('RegularExpression', '/x/[a-z]'), path('RegularExpression', '/x/.')],
    ['with the longer prefix', path('PathPrefix', '/x/y'), { ...path('PathPrefix', '/x'), methods: ['GET'] }],
    ['with a prefix before one without a path', path('PathPrefix', '/x'), { methods: ['GET'] }],
    ['with a method before headers', { methods: ['GET'] }, { headers: named('a', 'b') }],
    ['with more headers', { headers: named('a', 'b') }, { headers: named('a'), cookies: named('a', 'b') }],
    ['with more cookies', { cookies: named('a') }, { queryParams: named('a', 'b') }],
    [
      'with more query parameters',
      { queryParams: named('a', 'b') },
      { queryParams: named('a'), sourceCIDRs: ['10.1.1.9/32'] },
    ],
    [
      'with the longer source prefix',
      { sourceCIDRs: ['10.1.0.0/16'] },
      { sourceCIDRs: ['10.0.0.0/8', '10.1.1.0/30'] },
    ],
    ['with a source before none', { sourceCIDRs: ['0.0.0.0/0'] }, {}],
  ])('%s wins, wherever it stands', (_, stronger, weaker) => {
    const first = { name: 'stronger', matches: [routeMatch(stronger)] };
    const second = { name: 'weaker', matches: [routeMatch(weaker)] };
    const ask = { url: 'h.test/x/y?a=1&b=1', headers, clientAddress: '10.1.1.9' };
    expect(winner([{ routes: [first, second] }], ask)).toBe('stronger');
    expect(winner([{ routes: [second, first] }], ask)).toBe('stronger');
    expect(winner([{ routes: [second] }], ask)).toBe('weaker');
  });

  it('on the body comes after headers, cookies and query, and before the source', () => {
    const body: RouteMatch['body'] = {
      type: 'JSON',
      jsonPath: '$.a',
      value: { type: 'Present' },
      onUnreadable: 'NoMatch',
    };
    const ask = { url: 'h.test/?a=1', headers, hasBody: true };
    const against = (other: Partial<RouteMatch>) =>
      winner(
        [
          {
            routes: [
              { name: 'other', matches: [routeMatch(other)] },
              { name: 'body', matches: [routeMatch({ body })] },
            ],
          },
        ],
        ask,
      );
    expect(against({ queryParams: named('a') })).toBe('other');
    expect(against({ sourceCIDRs: ['0.0.0.0/0'] })).toBe('needs-body');
  });

  it('that stands first in the spec wins when all else is equal', () => {
    const routes = [
      { name: 'one', matches: [routeMatch({ methods: ['PUT'] }), routeMatch({ methods: ['GET'] })] },
      { name: 'two', matches: [routeMatch({ methods: ['GET'] })] },
    ];
    expect(winner([{ routes }], {})).toBe('one');
    expect(winner([{ routes: routes.toReversed() }], {})).toBe('two');
  });
});

describe('of several pools on one port', () => {
  const all = { routes: [{ name: 'r' }] };

  it('the older one wins a tie', () => {
    expect(
      winner(
        [
          { name: 'a', createdAt: 2, ...all },
          { name: 'b', createdAt: 1, ...all },
        ],
        {},
      ),
    ).toBe('b/r');
  });

  it('the first by namespace and name wins between pools of one age', () => {
    expect(
      winner(
        [
          { name: 'a', namespace: 'z', ...all },
          { name: 'b', namespace: 'y', ...all },
        ],
        {},
      ),
    ).toBe('b/r');
    expect(
      winner(
        [
          { name: 'b', ...all },
          { name: 'a', ...all },
        ],
        {},
      ),
    ).toBe('a/r');
  });

  it('the younger one wins with the more specific match', () => {
    const younger = {
      name: 'b',
      createdAt: 2,
      routes: [{ name: 'r', matches: [routeMatch(path('PathPrefix', '/x'))] }],
    };
    expect(winner([{ name: 'a', createdAt: 1, ...all }, younger], { url: 'h.test/x' })).toBe('b/r');
  });

  it('a route of one comes before the defaults of another', () => {
    const younger = { name: 'b', createdAt: 2, ...all };
    expect(winner([{ name: 'a', createdAt: 1, defaults: true }, younger], {})).toBe('b/r');
  });

  it('the defaults of the older one take what no route takes', () => {
    const pools = [
      { name: 'b', createdAt: 2, defaults: true },
      { name: 'a', createdAt: 1, defaults: true },
    ];
    expect(winner(pools, {})).toBe('a/default');
  });
});

describe('hostnames', () => {
  it('decide before paths', () => {
    const routes = [
      { name: 'wild', hostnames: ['*.test'], matches: [routeMatch(path('Exact', '/x'))] },
      { name: 'exact', hostnames: ['a.test'] },
    ];
    expect(winner([{ routes }], { url: 'a.test/x' })).toBe('exact');
    expect(winner([{ routes }], { url: 'b.test/x' })).toBe('wild');
  });

  it('let a request on to the next wider one when no route of the narrower takes it', () => {
    const routes = [
      { name: 'exact', hostnames: ['a.test'], matches: [routeMatch({ methods: ['PUT'] })] },
      { name: 'wild', hostnames: ['*.test'] },
    ];
    expect(winner([{ routes }], { url: 'a.test' })).toBe('wild');
  });

  it.each([
    [['*.test'], ['a.test'], 'a.test', 'r'],
    [['*.test'], ['a.test'], 'b.test', 'default'],
    [['a.test'], ['*.test'], 'a.test', 'r'],
    [['*.a.test'], ['*.test'], 'x.a.test', 'r'],
    [['*.test'], ['*.a.test'], 'x.a.test', 'r'],
    [['*.test'], ['*.a.test'], 'a.test', 'default'],
    [['a.test'], ['b.test'], 'b.test', 'no-route'],
    [[], ['a.test'], 'a.test', 'r'],
    [[], ['a.test'], 'b.test', 'default'],
    [['a.test'], [], 'a.test', 'r'],
    [['a.test'], [], 'b.test', 'no-route'],
  ])('of a listener %j and a route %j: %s gets %s', (listenerHostnames, hostnames, host, expected) => {
    const listeners = [{ hostnames: listenerHostnames }];
    expect(winner([{ listeners, routes: [{ name: 'r', hostnames }], defaults: true }], { url: host })).toBe(
      expected,
    );
  });

  it('of the most specific listener own the host: other listeners do not serve it', () => {
    const listeners = [
      { name: 'exact', hostnames: ['a.test'] },
      { name: 'wild', hostnames: ['*.test'] },
      { name: 'every', hostnames: [] },
    ];
    const routes = [
      { name: 'get', listeners: ['exact'], matches: [routeMatch({ methods: ['GET'] })] },
      { name: 'wild', listeners: ['wild'] },
      { name: 'every', listeners: ['every'], hostnames: ['a.test', 'b.test', 'c.other'] },
    ];
    expect(winner([{ listeners, routes }], { url: 'a.test' })).toBe('exact/get');
    expect(winner([{ listeners, routes }], { url: 'a.test', method: 'PUT' })).toBe('no-route');
    expect(winner([{ listeners, routes }], { url: 'b.test' })).toBe('wild/wild');
    expect(winner([{ listeners, routes }], { url: 'c.other' })).toBe('every/every');
    expect(winner([{ listeners, routes }], { url: 'd.other' })).toBe('no-route');
  });

  it('keep the defaults of a pool to its own listeners', () => {
    const pools = [
      { name: 'a', listeners: [{ hostnames: ['a.test'] }], defaults: true },
      {
        name: 'b',
        listeners: [{ hostnames: [] }],
        routes: [{ name: 'r', matches: [routeMatch(path('PathPrefix', '/x'))] }],
      },
    ];
    expect(winner(pools, { url: 'a.test/x' })).toBe('a/default');
    expect(winner(pools, { url: 'b.test/x' })).toBe('b/r');
    expect(winner(pools, { url: 'b.test/y' })).toBe('no-route');
  });
});
