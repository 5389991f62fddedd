import { describe, expect, it } from 'vitest';
import { explainRoute } from '../../../../proxy/routing/explain.ts';
import { compileRouteTable } from '../../../../proxy/routing/route-table.ts';
import { listener, poolConfig, poolSnapshot, route, routeMatch } from '../../../support/builders.ts';
import { request } from '../../../support/request-view.ts';

const path = (value: string) => ({ path: { type: 'PathPrefix', value } as const });
const pool = poolSnapshot({
  config: poolConfig({
    listeners: [
      listener({ name: 'shop', hostnames: ['shop.test'] }),
      listener({ name: 'all', hostnames: [] }),
    ],
    routes: [
      route({ name: 'other-host', hostnames: ['x.test'] }),
      route({
        name: 'gold',
        listeners: ['shop'],
        matches: [
          routeMatch({ ...path('/v1'), headers: [{ name: 'x-tier', type: 'Exact', value: 'gold' }] }),
        ],
      }),
      route({
        name: 'put',
        listeners: ['shop'],
        matches: [routeMatch({ ...path('/v1'), methods: ['PUT'] })],
      }),
      route({
        name: 'large',
        listeners: ['shop'],
        matches: [
          routeMatch({
            ...path('/v1'),
            body: {
              type: 'JSON',
              jsonPath: '$.model',
              value: { type: 'Exact', value: 'large' },
              onUnreadable: 'NoMatch',
            },
          }),
        ],
      }),
      route({ name: 'v1', listeners: ['shop'], matches: [routeMatch(path('/v1'))] }),
      route({ name: 'v2', listeners: ['shop'], matches: [routeMatch(path('/v2'))] }),
    ],
  }),
});
const entries = pool.config.listeners.map((on) => ({ pool, listener: on }));
const table = compileRouteTable(
  entries,
  (source) => `${source.listener.name}/${source.route?.name ?? 'default'}`,
);

function told(
  ...input: Parameters<typeof explainRoute<typeof pool, string>> extends [unknown, ...infer R] ? R : never
) {
  const { candidates } = explainRoute(table, ...input);
  return candidates.map(
    ({ rule, outcome, reason }) => `${rule.payload} ${outcome}${reason === '' ? '' : `: ${reason}`}`,
  );
}

describe('an explanation', () => {
  const headers = { 'content-type': 'application/json' };
  const post = request({ method: 'POST', url: 'shop.test/v1/orders', headers, hasBody: true });

  it('says of every rule, in order of precedence, why it lost', () => {
    expect(told(post, new TextEncoder().encode('{"model":"small"}'))).toEqual([
      'shop/put loses: methods [PUT]',
      'shop/gold loses: headers x-tier Exact "gold"',
      'shop/large loses: body $.model Exact "large"',
      'shop/v1 wins',
      'shop/v2 loses: path PathPrefix /v2',
      'shop/default loses: a rule before it takes the request',
      'all/other-host loses: hostname x.test',
      'all/default loses: the host belongs to a listener for shop.test',
    ]);
  });

  it('says that it takes the body to tell', () => {
    expect(told(post)[2]).toBe('shop/large needs-body');
    expect(explainRoute(table, post).answer.kind).toBe('needs-body');
  });

  it('says which rule the body decided for', () => {
    expect(told(post, new TextEncoder().encode('{"model":"large"}'))[2]).toBe('shop/large wins');
  });
});
