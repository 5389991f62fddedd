import { describe, expect, it } from 'vitest';
import type { EndpointState } from '../../../../proxy/state/endpoint-state.ts';
import { DOWN, UpstreamFixture, endpoints, numbered } from '../../../support/upstreams.ts';

describe('Upstream', () => {
  it('keeps the state of endpoints whose weight, zone, order or condition changes', () => {
    const fixture = new UpstreamFixture([numbered(1), numbered(2)], { algorithm: 'WeightedRoundRobin' });
    const [first, second] = fixture.upstream.endpoints;
    first!.tryAcquire(9);
    first!.observeLatency(12, fixture.clock.now());
    fixture.setFlags(first!, DOWN);
    const gone = fixture.update([
      numbered(2),
      numbered(1, { weight: 7, zone: 'b', condition: 'Terminating' }),
    ]);
    expect(gone).toEqual([]);
    expect(fixture.upstream.endpoints).toEqual([second, first]);
    expect(fixture.upstream.endpoints[1]).toBe(first);
    expect([first!.inFlight, first!.weight, first!.zone]).toEqual([1, 7, 'b']);
    expect(fixture.table.latencyUs(first!.slot)).toBe(12_000);
    expect(fixture.pick()).toBe(2);
  });

  it('starts anew for a new pod on an old address, and for one whose port changed', () => {
    const fixture = new UpstreamFixture([numbered(1), numbered(2)]);
    const [first, second] = fixture.upstream.endpoints;
    first!.tryAcquire(9);
    const gone = fixture.update([numbered(1, { targetUid: 'new' }), numbered(2, { port: 81 })]);
    expect(gone).toEqual([first, second]);
    expect(fixture.upstream.endpoints.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
    first!.release();
  });

  it('takes an endpoint that is named twice for one', () => {
    const fixture = new UpstreamFixture([numbered(1), numbered(2), numbered(1)]);
    expect(fixture.picks(4)).toEqual([1, 2, 1, 2]);
  });

  it('sees a verdict at the next look, and rises its version once for each change', () => {
    const fixture = new UpstreamFixture(endpoints(1, 1));
    const { upstream } = fixture;
    const before = upstream.version;
    expect(upstream.version).toBe(before);
    fixture.setFlags(upstream.endpoints[0]!, DOWN);
    expect(upstream.version).toBe(before + 1);
    expect([upstream.eligible, upstream.available]).toEqual([1, 2]);
    fixture.clock.advance(40);
    expect(upstream.sinceChangeMs(fixture.clock.now())).toBe(40);
  });

  it('changes its algorithm at once', () => {
    const fixture = new UpstreamFixture(endpoints(1, 9));
    expect(fixture.picks(2)).toEqual([1, 2]);
    fixture.update(endpoints(1, 9), { algorithm: 'WeightedRoundRobin' });
    expect(fixture.picks(10).filter((number) => number === 2)).toHaveLength(9);
    fixture.update(endpoints(1, 9), { algorithm: 'RoundRobin' });
    expect(new Set(fixture.picks(2))).toEqual(new Set([1, 2]));
  });

  it('prefers endpoints of its own zone, and reaches farther when they fail', () => {
    const list = [1, 2, 3, 4].map((n) => numbered(n, { zone: n < 3 ? 'here' : 'there' }));
    const fixture = new UpstreamFixture(list, { locality: 'PreferZone' });
    expect(fixture.picks(4)).toEqual([1, 2, 1, 2]);
    for (const index of [0, 1]) fixture.setFlags(fixture.upstream.endpoints[index]!, DOWN);
    expect(fixture.picks(2)).toEqual([3, 4]);
    expect(fixture.upstream.eligible).toBe(2);
  });

  it('reaches farther for a request that has tried the near ones, or finds them full', () => {
    const list = [1, 2, 3].map((n) => numbered(n, { zone: n < 2 ? 'here' : `zone-${n}` }));
    const fixture = new UpstreamFixture(list, { locality: 'PreferZone' });
    const { upstream } = fixture;
    const [near, far, other] = upstream.endpoints;
    expect(upstream.version).toBeGreaterThan(0);
    const pick = (tried: readonly EndpointState[], maxInFlight = Infinity): EndpointState | string =>
      upstream.pick({ hashKey: 0, tried, maxInFlight });
    expect(pick([near!])).toBe(far);
    expect(pick([near!, far!])).toBe(other);
    expect(pick([near!, far!, other!])).toBe('none-eligible');
    expect([pick([], 1), pick([], 1)]).toEqual([near, 'all-full']);
    far!.release();
    expect(pick([], 1)).toBe(far);
  });
});
