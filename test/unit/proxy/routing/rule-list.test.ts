import { describe, expect, it } from 'vitest';
import { compileRouteTable } from '../../../../proxy/routing/route-table.ts';
import { listener, poolConfig, poolSnapshot, route, routeMatch } from '../../../support/builders.ts';
import { request } from '../../../support/request-view.ts';

const tenants = Array.from({ length: 1_000 }, (_, i) => `t${i}`);
const on = listener();
const pool = poolSnapshot({
  config: poolConfig({
    listeners: [on],
    routes: [
      ...tenants.map((tenant) =>
        route({
          name: tenant,
          matches: [routeMatch({ headers: [{ name: 'x-tenant', type: 'Exact', value: tenant }] })],
        }),
      ),
      route({ name: 'any', matches: [routeMatch({ headers: [{ name: 'x-tenant', type: 'Present' }] })] }),
      route({ name: 'rest' }),
    ],
  }),
});
const table = compileRouteTable([{ pool, listener: on }], (source) => source.route?.name);

describe('many rules that want an exact value of one header', () => {
  it.each([
    ['t0', 't0'],
    ['t999', 't999'],
    ['t1000', 'any'],
    [undefined, 'rest'],
  ])('%s goes to %s', (tenant, expected) => {
    const headers: Record<string, string> = tenant === undefined ? {} : { 'x-tenant': tenant };
    expect(table.lookup(request({ headers }))).toMatchObject({ payload: expected });
  });

  it('are found by the value, not asked one by one', () => {
    let reads = 0;
    const view = request();
    table.lookup({ ...view, header: () => (reads++, 't500') });
    expect(reads).toBeLessThan(5);
  });
});
