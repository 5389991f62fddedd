import { describe, expect, it } from 'vitest';
import { latencyCost, nextLatencyUs } from '../../../../proxy/state/peak-ewma.ts';
import type { EndpointState } from '../../../../proxy/state/endpoint-state.ts';
import { UpstreamFixture, endpoints } from '../../../support/upstreams.ts';

describe('nextLatencyUs', () => {
  it('takes the first sample, and any that is worse, as it is', () => {
    expect(nextLatencyUs(0, 500, 0)).toBe(500);
    expect(nextLatencyUs(500, 9_000, 3)).toBe(9_000);
  });

  it('falls to a better sample by how much time has passed', () => {
    expect(nextLatencyUs(9_000, 1_000, 0)).toBe(9_000);
    expect(nextLatencyUs(9_000, 1_000, 10_000)).toBeCloseTo(1_000 + 8_000 / Math.E, 6);
    expect(nextLatencyUs(9_000, 1_000, 1e9)).toBeCloseTo(1_000, 6);
  });
});

describe('latencyCost', () => {
  it('grows with what is in flight, and is forgotten with time', () => {
    expect(latencyCost(1_000, 0, 0)).toBe(1_000);
    expect(latencyCost(1_000, 0, 3)).toBe(4_000);
    expect(latencyCost(1_000, 10_000, 0)).toBeCloseTo(1_000 / Math.E, 6);
  });

  it('lets one request at a time find out about an endpoint that was never measured', () => {
    expect(latencyCost(0, 0, 0)).toBe(0);
    expect(latencyCost(0, 0, 1)).toBeGreaterThan(latencyCost(1_800_000_000, 0, 100));
  });
});

describe('LeastLatency', () => {
  it('leaves a slow endpoint alone, and finds out when it is fast again', () => {
    const fixture = new UpstreamFixture(endpoints(1, 1, 1, 1), { algorithm: 'LeastLatency' });
    const { clock, upstream } = fixture;
    const slow = upstream.endpoints[0]!;
    let slowMs = 500;
    /** Sends a request each millisecond; returns the part of them that the slow endpoint got. */
    const run = (requests: number): number => {
      let picked = 0;
      for (let i = 0; i < requests; i++) {
        const endpoint = fixture.acquire() as EndpointState;
        if (endpoint === slow) picked++;
        const latencyMs = endpoint === slow ? slowMs : 10;
        clock.after(latencyMs, () => {
          endpoint.observeLatency(latencyMs, clock.now());
          endpoint.release();
        });
        clock.advance(1);
      }
      return picked / requests;
    };
    run(1_000);
    expect(run(10_000)).toBeLessThan(0.01);
    slowMs = 10;
    run(60_000);
    expect(run(5_000)).toBeGreaterThan(0.15);
  });

  it('counts what is in flight by weight', () => {
    const fixture = new UpstreamFixture(endpoints(3, 1), { algorithm: 'LeastLatency' });
    for (const endpoint of fixture.upstream.endpoints) endpoint.observeLatency(10, fixture.clock.now());
    for (let i = 0; i < 400; i++) fixture.acquire();
    const [heavy, light] = fixture.upstream.endpoints;
    expect(heavy!.inFlight / light!.inFlight).toBeGreaterThan(2.5);
    expect(heavy!.inFlight / light!.inFlight).toBeLessThan(3.5);
  });
});
