import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Algorithm } from '../../../../api/snapshot.ts';
import { mix32 } from '../../../../proxy/balancer/mix.ts';
import type { EndpointState } from '../../../../proxy/state/endpoint-state.ts';
import { DRAINING, EXCLUDED, HEALTHY, READY } from '../../../../proxy/state/shared-table.ts';
import { UpstreamFixture, numbered } from '../../../support/upstreams.ts';

const ALGORITHMS: readonly Algorithm[] = [
  'RoundRobin',
  'WeightedRoundRobin',
  'LeastConnections',
  'PowerOfTwoChoices',
  'Random',
  'LeastLatency',
  'SourceIPHash',
  'ConsistentHash',
];

const change = fc.oneof(
  fc.record({ kind: fc.constant('flags' as const), which: fc.nat(), flags: fc.integer({ min: 0, max: 15 }) }),
  fc.record({
    kind: fc.constant('list' as const),
    list: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 8 }),
    weight: fc.integer({ min: 0, max: 4 }),
  }),
  fc.record({ kind: fc.constant('algorithm' as const), algorithm: fc.constantFrom(...ALGORITHMS) }),
  fc.record({
    kind: fc.constant('pick' as const),
    key: fc.nat(),
    tried: fc.array(fc.nat(), { maxLength: 2 }),
    limit: fc.constantFrom(1, 3, Infinity),
  }),
);

/** Would it take traffic by what is in its flags alone? */
function mayTake(flags: number): boolean {
  return (flags & (READY | HEALTHY)) === (READY | HEALTHY) && (flags & (DRAINING | EXCLUDED)) === 0;
}

describe.each(ALGORITHMS)('%s', (algorithm) => {
  it('never picks an endpoint that is down, draining, excluded, gone, tried or full, however the set changes', () => {
    const property = fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const fixture = new UpstreamFixture([numbered(1), numbered(2), numbered(3)], { algorithm });
      const held: EndpointState[] = [];
      const right: boolean[] = [];
      for (const step of changes) {
        const all = fixture.upstream.endpoints;
        switch (step.kind) {
          case 'flags':
            if (all.length > 0) fixture.setFlags(all[step.which % all.length]!, step.flags);
            break;
          case 'list':
            fixture.update(step.list.map((n) => numbered(n, { weight: n === 1 ? step.weight : 1 })));
            break;
          case 'algorithm':
            fixture.update(fixture.config.endpoints, { algorithm: step.algorithm });
            fixture.update(fixture.config.endpoints, { algorithm });
            break;
          case 'pick': {
            const tried = all.length === 0 ? [] : step.tried.map((which) => all[which % all.length]!);
            const candidates = all.filter(
              (endpoint) =>
                mayTake(fixture.table.flags(endpoint.slot)) &&
                (endpoint.weight > 0 || algorithm === 'RoundRobin') &&
                endpoint.inFlight < step.limit &&
                !tried.includes(endpoint),
            );
            const picked = fixture.acquire({ hashKey: mix32(step.key), tried, maxInFlight: step.limit });
            // Something is picked exactly when something could be, and then one of those.
            right.push(typeof picked === 'string' ? candidates.length === 0 : candidates.includes(picked));
            if (typeof picked !== 'string') held.push(picked);
            if (held.length > 3) held.shift()!.release();
          }
        }
      }
      expect(right).not.toContain(false);
      for (const endpoint of held) endpoint.release();
      for (const endpoint of fixture.upstream.endpoints) expect(endpoint.inFlight).toBe(0);
    });
    fc.assert(property, { numRuns: 100, seed: 5 });
  });
});
