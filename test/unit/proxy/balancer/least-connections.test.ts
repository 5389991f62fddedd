import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EndpointState } from '../../../../proxy/state/endpoint-state.ts';
import { SharedTable } from '../../../../proxy/state/shared-table.ts';
import { UpstreamFixture, endpoints } from '../../../support/upstreams.ts';

const algorithm = 'LeastConnections';

describe('LeastConnections', () => {
  it('never picks an endpoint that is fuller for its weight than another that it may pick', () => {
    const step = fc.record({
      release: fc.boolean(),
      choice: fc.nat(),
      tried: fc.option(fc.nat(), { freq: 5 }),
      limit: fc.option(fc.integer({ min: 1, max: 6 }), { freq: 4, nil: Infinity }),
    });
    const weights = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 });
    const property = fc.property(weights, fc.array(step, { maxLength: 200 }), (weights, steps) => {
      const fixture = new UpstreamFixture(endpoints(...weights), { algorithm });
      const all = fixture.upstream.endpoints;
      const held: EndpointState[] = [];
      for (const { release, choice, tried, limit } of steps) {
        if (release) {
          const [endpoint] = held.splice(choice % Math.max(1, held.length), 1);
          endpoint?.release();
          continue;
        }
        const context = { tried: tried === null ? [] : [all[tried % all.length]!], maxInFlight: limit };
        const open = all.filter((one) => one.inFlight < limit && !context.tried.includes(one));
        const least = Math.min(...open.map((one) => one.inFlight / one.weight));
        const before = new Map(all.map((one) => [one, one.inFlight]));
        const picked = fixture.acquire(context);
        expect(typeof picked === 'string').toBe(open.length === 0);
        if (typeof picked === 'string') continue;
        expect(before.get(picked)! / picked.weight).toBeCloseTo(least, 10);
        expect(picked.inFlight).toBe(before.get(picked)! + 1);
        held.push(picked);
      }
    });
    fc.assert(property, { numRuns: 100, seed: 11 });
  });

  it('looks again when another worker takes the endpoint first that it has found', () => {
    const fixture = new UpstreamFixture(endpoints(1, 1), { algorithm });
    const [first, second] = fixture.upstream.endpoints;
    const { table } = fixture;
    const acquireIf = table.acquireIf.bind(table);
    const other = new SharedTable(1, table.buffer);
    table.acquireIf = (slot, seen) => {
      table.acquireIf = acquireIf;
      other.tryAcquire(slot, Infinity);
      return acquireIf(slot, seen);
    };
    expect(fixture.acquire()).toBe(second);
    expect([first!.inFlight, second!.inFlight]).toEqual([1, 1]);
  });

  it('lets equals take turns, so that an idle pool spreads', () => {
    expect(new UpstreamFixture(endpoints(1, 1, 1), { algorithm }).picks(7)).toEqual([1, 2, 3, 1, 2, 3, 1]);
  });

  // D07
  it('gives a slow endpoint among nine fast ones at most 2 % once it has filled', () => {
    const fixture = new UpstreamFixture(endpoints(...new Array<number>(10).fill(1)), { algorithm });
    const [slow] = fixture.upstream.endpoints;
    // 20 requests a tick: the slow endpoint answers after 10,000 ticks, the others within the tick.
    let toSlow = 0;
    let total = 0;
    for (let tick = 0; tick < 1_000; tick++) {
      const done: EndpointState[] = [];
      for (let i = 0; i < 20; i++) {
        const picked = fixture.acquire() as EndpointState;
        if (picked !== slow) done.push(picked);
        else if (tick >= 50) toSlow++;
        if (tick >= 50) total++;
      }
      for (const endpoint of done) endpoint.release();
    }
    expect(toSlow / total).toBeLessThan(0.02);
  });
});
