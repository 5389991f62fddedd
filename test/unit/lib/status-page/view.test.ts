import { describe, expect, it } from 'vitest';
import type { EndpointState } from '../../../../api/health.ts';
import { overview, poolDetail, type ListQuery } from '../../../../lib/status-page/view.ts';
import { madeUpStatus, type MadeUpPool } from '../../../support/status-page/made-up-status.ts';

const ANY: ListQuery = { search: '', state: '', offset: 0 };

function pool(name: string, states: readonly EndpointState[], trouble = ''): MadeUpPool {
  return { name, states, ...(trouble === '' ? {} : { trouble }) };
}

function source(...pools: readonly MadeUpPool[]) {
  return madeUpStatus({ now: { pools } });
}

describe('what the status page shows', () => {
  const shop = source(
    pool('calm', ['Healthy', 'Healthy']),
    pool('mixed', ['Healthy', 'Draining', 'Unhealthy', 'Excluded'], 'EndpointsUnhealthy'),
    pool('broken', ['Unhealthy'], 'NoneHealthy'),
  );

  it('counts over all pools, whatever is looked for', () => {
    const found = overview(shop, { pools: { ...ANY, search: 'nowhere' }, endpoints: ANY });
    expect(found.states).toEqual({ Healthy: 3, Unhealthy: 2, Draining: 1, Excluded: 1 });
    expect(found).toMatchObject({ poolsTotal: 3, poolsInTrouble: 2, pools: { items: [], total: 0 } });
  });

  it('has pools and endpoints in trouble first', () => {
    const found = overview(shop, { pools: ANY, endpoints: ANY });
    expect(found.pools.items.map(({ name }) => name)).toEqual(['shop/broken', 'shop/mixed', 'shop/calm']);
    expect(found.endpoints.items.map(({ state }) => state)).toEqual([
      'Unhealthy',
      'Unhealthy',
      'Excluded',
      'Draining',
      'Healthy',
      'Healthy',
      'Healthy',
    ]);
  });

  it.each([
    ['trouble', 4],
    ['Draining', 1],
    ['Healthy', 3],
    ['', 7],
  ])('narrows endpoints down to the state %j', (state, total) => {
    const found = overview(shop, { pools: ANY, endpoints: { ...ANY, state } });
    expect(found.endpoints.total).toBe(total);
  });

  it('finds what has every word, in whatever case', () => {
    const find = (search: string) =>
      overview(shop, { pools: ANY, endpoints: { ...ANY, search } }).endpoints.total;
    expect(find('MIXED connectrefused')).toBe(1);
    expect(find('mixed calm')).toBe(0);
    expect(find('  ')).toBe(7);
  });

  it('gives parts of fifty, and the last one to who asks for more', () => {
    const large = source(
      pool(
        'large',
        Array.from({ length: 120 }, () => 'Healthy'),
      ),
    );
    const at = (offset: number) => {
      const { endpoints } = overview(large, { pools: ANY, endpoints: { ...ANY, offset } });
      return [endpoints.offset, endpoints.items.length, endpoints.total];
    };
    expect(at(0)).toEqual([0, 50, 120]);
    expect(at(50)).toEqual([50, 50, 120]);
    expect(at(100)).toEqual([100, 20, 120]);
    expect(at(5_000)).toEqual([100, 20, 120]);
    expect(at(-1)).toEqual([0, 50, 120]);
  });

  it('knows one pool by namespace and name, and no other', () => {
    expect(poolDetail(shop, 'shop/mixed', ANY)).toMatchObject({
      pool: { name: 'shop/mixed', reason: 'EndpointsUnhealthy' },
      endpoints: { total: 4 },
      conditions: expect.arrayContaining([expect.objectContaining({ type: 'Available', good: false })]),
    });
    expect(poolDetail(shop, 'shop/elsewhere', ANY)).toBeUndefined();
    expect(poolDetail(shop, '__proto__', ANY)).toBeUndefined();
  });
});
