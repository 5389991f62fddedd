import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileSnapshot } from '../../../../controller/compile/snapshot.ts';
import { denyAddresses } from '../../../../controller/resolve/denied-addresses.ts';
import { resolvePool, type Resolution } from '../../../../controller/resolve/resolve-pool.ts';
import type { EndpointSlice, SliceEndpoint, World } from '../../../../controller/resolve/world.ts';
import { podEndpoint, poolOf, serviceOf, sliceOf, worldOf } from '../../../support/pools.ts';

const SPEC = {
  listeners: [{ name: 'web', protocol: 'HTTP', port: 80 }],
  backends: [{ name: 'v1', service: { name: 'checkout', port: 'http' } }],
  defaultBackendRefs: [{ name: 'v1' }],
};
const DENIED = denyAddresses(['10.0.0.9/32']);

/** What can be seen of a resolution from outside. */
function outcome({ intent, problems, staleOverrides }: Resolution): unknown {
  return [intent, intent && compileSnapshot(intent).digest, problems, staleOverrides];
}

describe('what a resolution leaves to the next', () => {
  const item = fc
    .record({
      // Few, so that slices often tell of the same; one is denied, one is no address.
      address: fc.constantFrom(
        '10.0.0.1',
        '10.0.0.2',
        '10.0.0.10',
        '10.0.0.9',
        '2001:DB8::1',
        '::ffff:10.0.0.1',
        'x',
      ),
      uid: fc.constantFrom('p', 'q'),
      ready: fc.constantFrom(true, false, null),
      terminating: fc.boolean(),
    })
    .map(({ address, uid, ready, terminating }) =>
      podEndpoint(address, {
        conditions: { ready, serving: true, terminating },
        targetRef: { kind: 'Pod', name: uid, uid },
      }),
    );
  const slice = fc.record({
    name: fc.constantFrom('checkout-a', 'checkout-b', 'checkout-c', 'checkout-d'),
    items: fc.option(fc.array(item, { maxLength: 6 }), { nil: undefined }),
    addressType: fc.constantFrom('IPv4', 'IPv6', 'FQDN'),
    port: fc.constantFrom(8080, 8081),
  });
  const terms = fc.record({
    family: fc.constantFrom('IPv4', 'IPv6'),
    publishNotReadyAddresses: fc.boolean(),
    terminatingEndpoints: fc.constantFrom('Drain', 'Exclude'),
    weights: fc.constantFrom(undefined, '3', 'none'),
  });

  it('changes nothing of what that comes to', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(slice, fc.option(terms)), { minLength: 1, maxLength: 30 }), (steps) => {
        const slices = new Map<string, EndpointSlice>();
        let now: (typeof terms extends fc.Arbitrary<infer T> ? T : never) | null = null;
        let before: Resolution | undefined;
        for (const [{ name, items, addressType, port }, change] of steps) {
          if (items === undefined) slices.delete(name);
          else slices.set(name, sliceOf(name, items, { addressType, ports: [{ name: 'http', port }] }));
          now = change ?? now;
          const { family = 'IPv4', weights, terminatingEndpoints = 'Drain', ...service } = now ?? {};
          const pool = poolOf({
            ...SPEC,
            lifecycle: { terminatingEndpoints },
            ...(weights === undefined
              ? {}
              : {
                  loadBalancing: {
                    algorithm: 'WeightedRoundRobin',
                    endpointWeight: { from: 'Annotation' },
                  },
                }),
          });
          const world = (own: readonly EndpointSlice[]): World =>
            worldOf({
              services: [serviceOf('checkout', { ...service, ipFamilies: [family] })],
              slices: own,
              pods: { 'shop/p': weights === undefined ? {} : { 'evenkeel.dev/weight': weights } },
              denied: DENIED,
            });
          const next = resolvePool(pool, world([...slices.values()]), before);
          const anew = resolvePool(pool, world(structuredClone([...slices.values()].toReversed())));
          expect(outcome(next)).toEqual(outcome(anew));
          before = next;
        }
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  const pool = poolOf(SPEC);
  const items = (from: number): SliceEndpoint[] =>
    Array.from({ length: 100 }, (_, i) => podEndpoint(`10.1.${from}.${i}`));
  const slices = [sliceOf('checkout-a', items(0)), sliceOf('checkout-b', items(1))];
  const worldWith = (own: readonly EndpointSlice[], denied = DENIED): World =>
    worldOf({ services: [serviceOf('checkout')], slices: own, denied });

  it('gives endpoints that have not changed as the same objects, though their slice has', () => {
    const first = resolvePool(pool, worldWith(slices));
    const other = podEndpoint('10.1.1.5', { targetRef: { kind: 'Pod', name: 'new', uid: 'new' } });
    const changed = sliceOf('checkout-b', structuredClone(items(1)).with(5, other).toReversed());
    const second = resolvePool(pool, worldWith([slices[0]!, changed]), first);
    const [before, after] = [first, second].map(({ intent }) => intent!.endpoints.get('v1')!);
    expect(after).toHaveLength(200);
    const differing = after!.filter((endpoint, i) => endpoint !== before![i]);
    expect(differing).toMatchObject([{ address: '10.1.1.5', podName: 'new' }]);
    const third = resolvePool(pool, worldWith([slices[0]!, structuredClone(changed)]), second);
    expect(third.intent!.endpoints.get('v1')).toBe(after);
  });

  it('judges an address once', () => {
    const judged: string[] = [];
    const denied = {
      reason: (address: string) => {
        judged.push(address);
        return DENIED.reason(address);
      },
    };
    const first = resolvePool(pool, worldWith(structuredClone(slices), denied));
    expect(judged).toHaveLength(200);
    judged.length = 0;
    const grown = sliceOf('checkout-b', structuredClone([...items(1), podEndpoint('10.1.2.1')]));
    resolvePool(pool, worldWith([slices[0]!, grown], denied), first);
    expect(judged).toEqual(['10.1.2.1']);
  });
});
