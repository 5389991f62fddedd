import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileSnapshot } from '../../../../controller/compile/snapshot.ts';
import { resolvePool } from '../../../../controller/resolve/resolve-pool.ts';
import type { EndpointSlice, Service } from '../../../../controller/resolve/world.ts';
import { podEndpoint, poolOf, serviceOf, sliceOf, worldOf } from '../../../support/pools.ts';

const SPEC = `
listeners: [{name: web, protocol: HTTP, port: 80}]
backends: [{name: v1, service: {name: checkout, port: http}}]
defaultBackendRefs: [{name: v1}]
`;

function resolve(
  slices: readonly EndpointSlice[],
  { spec = SPEC, service = {} }: { spec?: string; service?: Partial<Service['spec']> } = {},
): { endpoints: string[]; problems: string[] } {
  const world = worldOf({ services: [serviceOf('checkout', service)], slices });
  const { intent, problems } = resolvePool(poolOf(spec), world);
  return {
    endpoints: (intent?.endpoints.get('v1') ?? []).map(
      ({ address, port, condition }) => `${address}:${port} ${condition}`,
    ),
    problems: problems.map(({ reason, message }) => `${reason}: ${message}`),
  };
}

const ready = { ready: true, serving: true, terminating: false };
const leaving = { ready: false, serving: true, terminating: true };
const gone = { ready: false, serving: false, terminating: true };

// CATALOGUE I08
describe('the endpoints of a Service', () => {
  it('are the union of its slices, each address once', () => {
    const { endpoints, problems } = resolve([
      sliceOf('checkout-a', [podEndpoint('10.0.0.1'), podEndpoint('10.0.0.2')]),
      sliceOf('checkout-b', [podEndpoint('10.0.0.2'), podEndpoint('10.0.0.3')]),
    ]);
    expect(endpoints).toEqual(['10.0.0.1:8080 Ready', '10.0.0.2:8080 Ready', '10.0.0.3:8080 Ready']);
    expect(problems).toEqual([]);
  });

  it('count 100,000 in 100 slices', () => {
    const slices = Array.from({ length: 100 }, (_, i) =>
      sliceOf(
        `checkout-${i}`,
        Array.from({ length: 1000 }, (__, k) => podEndpoint(`10.${i}.${k >> 8}.${k & 255}`)),
      ),
    );
    expect(resolve(slices).endpoints).toHaveLength(100_000);
  });

  it('are not those of a Service of the same name elsewhere', () => {
    const stray = sliceOf('checkout-a', [podEndpoint('10.0.0.1')], {
      metadata: { name: 'checkout-a', namespace: 'other' },
    });
    expect(resolve([stray]).endpoints).toEqual([]);
  });

  it('take ready for granted when it is not said', () => {
    const unsaid = [
      podEndpoint('10.0.0.1'),
      podEndpoint('10.0.0.2', { conditions: {} }),
      podEndpoint('10.0.0.3', { conditions: { ready: null, serving: null, terminating: null } }),
      podEndpoint('10.0.0.4', { conditions: { ready: false } }),
    ];
    expect(resolve([sliceOf('checkout-a', unsaid)]).endpoints).toEqual([
      '10.0.0.1:8080 Ready',
      '10.0.0.2:8080 Ready',
      '10.0.0.3:8080 Ready',
      '10.0.0.4:8080 NotReady',
    ]);
  });

  it('keep a terminating one for what it has while there is a ready one', () => {
    const slice = sliceOf('checkout-a', [
      podEndpoint('10.0.0.1', { conditions: ready }),
      podEndpoint('10.0.0.2', { conditions: leaving }),
      podEndpoint('10.0.0.3', { conditions: gone }),
    ]);
    expect(resolve([slice]).endpoints).toEqual([
      '10.0.0.1:8080 Ready',
      '10.0.0.2:8080 Terminating',
      '10.0.0.3:8080 NotReady',
    ]);
  });

  it('fall back to serving ones when all are terminating', () => {
    const slice = sliceOf('checkout-a', [
      podEndpoint('10.0.0.1', { conditions: leaving }),
      podEndpoint('10.0.0.2', { conditions: gone }),
    ]);
    expect(resolve([slice]).endpoints).toEqual(['10.0.0.1:8080 Ready', '10.0.0.2:8080 NotReady']);
  });

  it('leave terminating ones out when the pool says so', () => {
    const spec = `${SPEC}\nlifecycle: {terminatingEndpoints: Exclude}`;
    const slice = sliceOf('checkout-a', [
      podEndpoint('10.0.0.1', { conditions: leaving }),
      podEndpoint('10.0.0.2', { conditions: { ready: false } }),
    ]);
    expect(resolve([slice], { spec }).endpoints).toEqual(['10.0.0.2:8080 NotReady']);
  });

  it('are all ready when the Service publishes unready addresses', () => {
    const slice = sliceOf('checkout-a', [podEndpoint('10.0.0.1', { conditions: { ready: false } })]);
    const service = { publishNotReadyAddresses: true };
    expect(resolve([slice], { service }).endpoints).toEqual(['10.0.0.1:8080 Ready']);
  });

  it('prefer the better telling while an endpoint moves between slices', () => {
    const slices = [
      sliceOf('checkout-a', [podEndpoint('10.0.0.1', { conditions: { ready: false } })]),
      sliceOf('checkout-b', [podEndpoint('10.0.0.1', { conditions: ready })]),
    ];
    expect(resolve(slices).endpoints).toEqual(['10.0.0.1:8080 Ready']);
    expect(resolve(slices.toReversed()).endpoints).toEqual(['10.0.0.1:8080 Ready']);
  });

  it('give a new pod on an old address its own identity', () => {
    const slices = [
      sliceOf('checkout-a', [
        podEndpoint('10.0.0.1', {
          conditions: leaving,
          targetRef: { kind: 'Pod', name: 'old', uid: 'uid-old' },
        }),
      ]),
      sliceOf('checkout-b', [
        podEndpoint('10.0.0.1', {
          conditions: ready,
          targetRef: { kind: 'Pod', name: 'new', uid: 'uid-new' },
        }),
      ]),
    ];
    const world = worldOf({ services: [serviceOf('checkout')], slices });
    expect(resolvePool(poolOf(SPEC), world).intent?.endpoints.get('v1')).toMatchObject([
      { podName: 'new', targetUid: 'uid-new', condition: 'Ready' },
    ]);
  });

  it('count a dual-stack pod once, in the first family of the Service', () => {
    const v4 = sliceOf('checkout-4', [podEndpoint('10.0.0.1', { targetRef: { kind: 'Pod', uid: 'p' } })]);
    const v6 = sliceOf('checkout-6', [podEndpoint('2001:db8::1', { targetRef: { kind: 'Pod', uid: 'p' } })], {
      addressType: 'IPv6',
    });
    const alone = sliceOf('checkout-7', [podEndpoint('2001:DB8::2')], { addressType: 'IPv6' });
    expect(resolve([v4, v6, alone]).endpoints).toEqual(['10.0.0.1:8080 Ready', '2001:db8::2:8080 Ready']);
    expect(resolve([v6, v4], { service: { ipFamilies: ['IPv6', 'IPv4'] } }).endpoints).toEqual([
      '2001:db8::1:8080 Ready',
    ]);
  });

  it('have the number that each slice gives the named port', () => {
    const slices = [
      sliceOf('checkout-a', [podEndpoint('10.0.0.1')], { ports: [{ name: 'http', port: 8080 }] }),
      sliceOf('checkout-b', [podEndpoint('10.0.0.2')], {
        ports: [
          { name: 'metrics', port: 9000 },
          { name: 'http', port: 8081 },
        ],
      }),
      sliceOf('checkout-c', [podEndpoint('10.0.0.3')], { ports: [{ name: 'other', port: 1 }] }),
    ];
    expect(resolve(slices).endpoints).toEqual(['10.0.0.1:8080 Ready', '10.0.0.2:8081 Ready']);
  });

  // H13, J03
  it('leave out names and what is no address, and say where', () => {
    const { endpoints, problems } = resolve([
      sliceOf('checkout-a', [podEndpoint('db.example.com')], { addressType: 'FQDN' }),
      sliceOf('checkout-b', [podEndpoint('010.0.0.1'), podEndpoint('10.0.0.1')]),
      sliceOf('checkout-c', [podEndpoint('10.0.0.2')], { ports: [{ name: 'http', port: null }] }),
    ]);
    expect(endpoints).toEqual(['10.0.0.1:8080 Ready']);
    expect(problems).toEqual([
      'InvalidEndpoint: EndpointSlice checkout-a has addresses of type FQDN, which cannot be used; EndpointSlice checkout-b has "010.0.0.1" as an address, which cannot be used; EndpointSlice checkout-c gives no number for port http, which cannot be used',
    ]);
  });

  it('have ports that there are, whatever number the API server let a slice have', () => {
    // I08
    const numbers = [0, -1, 65_536, 2_147_483_647];
    const { endpoints, problems } = resolve([
      sliceOf('checkout-good', [podEndpoint('10.0.0.1')]),
      ...numbers.map((port, i) =>
        sliceOf(`checkout-${i}`, [podEndpoint(`10.0.1.${i}`)], { ports: [{ name: 'http', port }] }),
      ),
    ]);
    expect(endpoints).toEqual(['10.0.0.1:8080 Ready']);
    expect(problems.join()).toContain('EndpointSlice checkout-1 gives the number -1 for port http');
  });

  it('have no uid, pod or zone that no object could have', () => {
    // I08
    const odd = [
      { uid: 'u'.repeat(129), name: 'p'.repeat(254), zone: 'z'.repeat(64) },
      { uid: 'u\n', name: 'p\nq', zone: 'a\nb' },
      { uid: '', name: '', zone: '' },
    ].map(({ uid, name, zone }, i) =>
      podEndpoint(`10.0.0.${i}`, { targetRef: { kind: 'Pod', name, uid }, zone }),
    );
    const world = worldOf({ services: [serviceOf('checkout')], slices: [sliceOf('checkout-a', odd)] });
    const endpoints = resolvePool(poolOf(SPEC), world).intent!.endpoints.get('v1')!;
    expect(endpoints.map(({ targetUid }) => targetUid)).toEqual(['static', 'static', 'static']);
    expect(endpoints.flatMap(({ podName, zone }) => [podName, zone])).toEqual(
      Array.from({ length: 6 }, () => undefined),
    );
  });

  it('survive null lists', () => {
    const empty = sliceOf('checkout-a', null, { ports: null });
    expect(resolve([empty, { ...empty, endpoints: null }])).toEqual({ endpoints: [], problems: [] });
  });

  it('give the same digest in whatever order and slicing they come', () => {
    const endpoint = fc.record({
      octet: fc.integer({ min: 1, max: 40 }),
      conditions: fc.constantFrom(ready, leaving, gone),
    });
    const digestOf = (slices: readonly EndpointSlice[]): string | undefined => {
      const world = worldOf({ services: [serviceOf('checkout')], slices });
      const { intent } = resolvePool(poolOf(SPEC), world);
      return intent === undefined ? undefined : compileSnapshot(intent).digest;
    };
    fc.assert(
      fc.property(
        fc
          .array(endpoint, { maxLength: 30 })
          .chain((all) =>
            fc.tuple(
              fc.constant(all),
              fc.shuffledSubarray(all, { minLength: all.length }),
              fc.array(fc.nat(3), { minLength: all.length, maxLength: all.length }),
            ),
          ),
        ([all, shuffled, places]) => {
          const items = (list: typeof all): EndpointSlice['endpoints'] =>
            list.map(({ octet, conditions }) => podEndpoint(`10.0.0.${octet}`, { conditions }));
          const one = [sliceOf('checkout-0', items(all))];
          const many = [3, 1, 0, 2].map((slice) =>
            sliceOf(`checkout-${slice}`, items(shuffled.filter((_, i) => places[i] === slice))),
          );
          expect(digestOf(many)).toBe(digestOf(one));
        },
      ),
      { numRuns: 100, seed: 1 },
    );
  });
});
