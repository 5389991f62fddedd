import { describe, expect, it } from 'vitest';
import { DOWN, UP, UpstreamFixture, endpoints, numbered } from '../../../support/upstreams.ts';

describe('RoundRobin', () => {
  it('sends the first request to the first endpoint, the second to the second, and goes round', () => {
    const fixture = new UpstreamFixture(endpoints(1, 1, 1));
    expect(fixture.picks(7)).toEqual([1, 2, 3, 1, 2, 3, 1]);
  });

  it('does not look at weights', () => {
    const fixture = new UpstreamFixture(endpoints(5, 0, 1));
    expect(fixture.picks(4)).toEqual([1, 2, 3, 1]);
  });

  it('leaves out an endpoint that is down and takes it up again in its place', () => {
    const fixture = new UpstreamFixture(endpoints(1, 1, 1));
    const [, second] = fixture.upstream.endpoints;
    expect(fixture.pick()).toBe(1);
    fixture.setFlags(second!, DOWN);
    expect(fixture.picks(3)).toEqual([3, 1, 3]);
    fixture.setFlags(second!, UP);
    expect(fixture.picks(4)).toEqual([1, 2, 3, 1]);
  });

  it('keeps its place when endpoints are added before and after it', () => {
    const fixture = new UpstreamFixture([numbered(2), numbered(4), numbered(6)]);
    expect(fixture.picks(2)).toEqual([2, 4]);
    fixture.update([1, 2, 3, 4, 5, 6].map((n) => numbered(n)));
    expect(fixture.picks(4)).toEqual([5, 6, 1, 2]);
  });

  it('goes on after the one before when the endpoint it stands at leaves', () => {
    const fixture = new UpstreamFixture(endpoints(1, 1, 1, 1));
    expect(fixture.picks(3)).toEqual([1, 2, 3]);
    fixture.update([numbered(1), numbered(2), numbered(4)]);
    expect(fixture.picks(3)).toEqual([4, 1, 2]);
  });

  it('keeps the place of one that left through further changes', () => {
    const fixture = new UpstreamFixture(endpoints(1, 1, 1, 1, 1));
    expect(fixture.picks(3)).toEqual([1, 2, 3]);
    fixture.update([numbered(1), numbered(2), numbered(4), numbered(5)]);
    void fixture.upstream.version;
    fixture.setFlags(fixture.upstream.endpoints[3]!, DOWN);
    void fixture.upstream.version;
    fixture.update([numbered(1), numbered(4), numbered(5)]);
    expect(fixture.picks(3)).toEqual([4, 1, 4]);
  });

  it('passes over endpoints that are full or tried, and says which it was when none is left', () => {
    const fixture = new UpstreamFixture(endpoints(1, 1, 1));
    const [first, second, third] = fixture.upstream.endpoints;
    first!.tryAcquire(1);
    expect(fixture.pick({ maxInFlight: 1 })).toBe(2);
    expect(fixture.pick({ maxInFlight: 1, tried: [third!] })).toBe(2);
    expect(fixture.pick({ maxInFlight: 1, tried: [second!, third!] })).toBe('all-full');
    expect(fixture.pick({ tried: [first!, second!, third!] })).toBe('none-eligible');
  });
});
