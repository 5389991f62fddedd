import { describe, expect, it } from 'vitest';
import type { EndpointState } from '../../../../proxy/state/endpoint-state.ts';
import { backendRef, endpoint, route } from '../../../support/builders.ts';
import { PoolFixture } from '../../../support/pool-upstreams.ts';

const at = (address: string) => endpoint({ address });

describe('PoolUpstreams', () => {
  it('keeps upstreams, selectors and endpoints that a snapshot still names', () => {
    const routes = [route({ name: 'a' }), route({ name: 'b' })];
    const fixture = new PoolFixture({ v1: [at('10.0.0.1'), at('10.0.0.2')] }, { routes });
    const upstream = fixture.pool.byBackend.get('v1');
    const selector = fixture.pool.selector({ name: 'b' });
    const second = fixture.endpoint('v1', 1);
    fixture.update({ v1: [at('10.0.0.2'), at('10.0.0.3')], v2: [] }, { routes: [route({ name: 'b' })] });
    expect(fixture.pool.byBackend.get('v1')).toBe(upstream);
    expect(fixture.pool.selector({ name: 'b' })).toBe(selector);
    expect(fixture.endpoint('v1', 0)).toBe(second);
  });

  it('says which endpoints are gone, also those of a backend that is', () => {
    const fixture = new PoolFixture({ v1: [at('10.0.0.1')], v2: [at('10.0.0.2')] });
    const [first, second] = fixture.endpoints();
    expect(fixture.update({ v1: [at('10.0.0.3')] })).toEqual([second, first]);
  });

  it('serves a route that is gone, and one without refs, like requests that no route takes', () => {
    const routes = [route({ name: 'a', backendRefs: [backendRef({ name: 'v2' })] })];
    const fixture = new PoolFixture({ v1: [at('10.0.0.1')], v2: [at('10.0.0.2')] }, { routes });
    expect(fixture.select({}, { name: 'a' })).toBe('10.0.0.2');
    fixture.update(undefined, { routes: [] });
    expect(fixture.select({}, { name: 'a' })).toBe('10.0.0.1');
    expect(fixture.pool.selector({ name: 'a' })).toBe(fixture.pool.selector(undefined));
  });

  it('gives a backend that comes back its place in the table again', () => {
    const fixture = new PoolFixture({ v1: [at('10.0.0.1'), at('10.0.0.2')] });
    expect(fixture.select()).toBe('10.0.0.1');
    fixture.update({ v2: [] });
    fixture.update({ v1: [at('10.0.0.1'), at('10.0.0.2')] });
    expect(fixture.selects(2)).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  it('holds nothing of 10,000 endpoints that came and went', () => {
    const cookie = { type: 'Cookie', cookie: { name: 'c' } } as const;
    const fixture = new PoolFixture({ v1: [] }, { sessionAffinity: cookie });
    fixture.select({ bound: 'x' });
    const gone: EndpointState[] = [];
    for (let i = 0; i < 10_000; i += 10) {
      const list = Array.from({ length: 10 }, (_, k) =>
        at(`10.${i >> 12}.${(i >> 4) & 255}.${(i & 15) * 10 + k}`),
      );
      gone.push(...fixture.update({ v1: list }));
      fixture.select();
    }
    gone.push(...fixture.update({ v1: [] }));
    fixture.slots.settle();
    expect(gone).toHaveLength(10_000);
    expect(fixture.slots.used).toEqual({ endpoints: 0, upstreams: 1 });
    expect(fixture.endpoints()).toEqual([]);
    expect(fixture.select()).toBe('no-endpoints');
    const upstream = fixture.pool.byBackend.get('v1')!;
    const tokens = gone.filter((_, i) => i % 100 === 0).map((endpoint) => fixture.bindingTo(endpoint));
    expect(tokens.filter((token) => upstream.byToken(token) !== undefined)).toEqual([]);
  });
});
