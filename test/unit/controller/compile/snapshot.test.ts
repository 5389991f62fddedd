import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedSnapshots } from '../../../../controller/compile/changed-snapshots.ts';
import { compileSnapshot } from '../../../../controller/compile/snapshot.ts';
import { resolvePool } from '../../../../controller/resolve/resolve-pool.ts';
import type { PoolSnapshot } from '../../../../api/snapshot.ts';
import { podEndpoint, poolOf, serviceOf, sliceOf, worldOf } from '../../../support/pools.ts';
import { poolSnapshot } from '../../../support/builders.ts';

const WORLD = worldOf({
  services: [serviceOf('checkout')],
  slices: [sliceOf('checkout-a', [podEndpoint('10.0.0.1'), podEndpoint('10.0.0.2')])],
});

const LISTENERS = [
  { name: 'web', protocol: 'HTTP', port: 80, hostnames: ['a.example.com', 'b.example.com'] },
  { name: 'alt', protocol: 'HTTP', port: 81, accessRules: { denyCIDRs: ['10.0.0.0/8', '192.0.2.0/24'] } },
];
const BACKENDS = [
  { name: 'v1', service: { name: 'checkout', port: 'http' } },
  { name: 'v2', service: { name: 'checkout', port: 80 } },
];
const REFS = [
  { name: 'v1', weight: 9 },
  { name: 'v2', priority: 1 },
];

function snapshotOf(spec: object, metadata: object = {}): PoolSnapshot {
  const { intent, problems } = resolvePool(poolOf(spec, metadata), WORLD);
  expect(problems).toEqual([]);
  return compileSnapshot(intent!);
}

describe('compileSnapshot', () => {
  const original = snapshotOf({ listeners: LISTENERS, backends: BACKENDS, defaultBackendRefs: REFS });

  it('gives the same digest whatever order lists without a meaning of their own are in', () => {
    const shuffled = <T>(list: readonly T[]): fc.Arbitrary<T[]> =>
      fc.shuffledSubarray([...list], { minLength: list.length });
    fc.assert(
      fc.property(
        shuffled(LISTENERS),
        shuffled(BACKENDS),
        shuffled(REFS),
        shuffled(['a.example.com', 'b.example.com']),
        (listeners, backends, defaultBackendRefs, hostnames) => {
          const spec = {
            listeners: listeners.map((each) => (each.name === 'web' ? { ...each, hostnames } : each)),
            backends,
            defaultBackendRefs,
          };
          expect(snapshotOf(spec).digest).toBe(original.digest);
        },
      ),
      { seed: 5 },
    );
  });

  it('gives the same digest for the same content written otherwise', () => {
    const spec = {
      listeners: [
        { ...LISTENERS[0], timeouts: { idle: '1m' } },
        { ...LISTENERS[1], accessRules: { denyCIDRs: ['192.0.2.9/24', '10.1.2.3/8'] } },
      ],
      backends: BACKENDS,
      defaultBackendRefs: REFS,
      paused: false,
    };
    expect(snapshotOf(spec, { generation: 9 }).digest).toBe(original.digest);
  });

  it('gives another digest when anything that is served changes', () => {
    const base = { listeners: LISTENERS, backends: BACKENDS, defaultBackendRefs: REFS };
    const digests = [
      base,
      { ...base, defaultBackendRefs: [{ name: 'v1', weight: 8 }, REFS[1]] },
      { ...base, listeners: [LISTENERS[0]] },
      { ...base, lifecycle: { drainTimeout: '31s' } },
      { ...base, routes: [{ name: 'r' }] },
      {
        ...base,
        endpointOverrides: [{ name: 'o', target: { pod: { name: 'pod-10.0.0.1' } }, state: 'Drain' }],
      },
    ].map((spec) => snapshotOf(spec).digest);
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('keeps the order of routes, which decides ties', () => {
    const routes = ['a', 'b'].map((name) => ({ name, hostnames: [`${name}.example.com`] }));
    const base = { listeners: [LISTENERS[0]], backends: [BACKENDS[0]], defaultBackendRefs: [REFS[0]] };
    const forth = snapshotOf({ ...base, routes });
    const back = snapshotOf({ ...base, routes: routes.toReversed() });
    expect(back.digest).not.toBe(forth.digest);
  });

  it('keeps the order of static endpoints, so that round robin begins with the first', () => {
    const at = (...ports: number[]): object => ({
      listeners: [{ name: 'web', protocol: 'HTTP', port: 80 }],
      backends: [
        {
          name: 'v1',
          type: 'Static',
          static: { endpoints: ports.map((port) => ({ address: '192.0.2.1', port })) },
        },
      ],
      defaultBackendRefs: [{ name: 'v1' }],
    });
    expect(snapshotOf(at(9003, 9001)).endpoints['v1']?.map(({ port }) => port)).toEqual([9003, 9001]);
  });

  it('gives unchanged endpoints and an unchanged configuration as the same objects', () => {
    const pool = poolOf({ listeners: LISTENERS, backends: BACKENDS, defaultBackendRefs: REFS });
    const before = compileSnapshot(resolvePool(pool, WORLD).intent!);
    const more = worldOf({
      services: [serviceOf('checkout')],
      slices: [...WORLD.endpointSlices('shop', 'checkout'), sliceOf('checkout-b', [podEndpoint('10.0.0.3')])],
      denied: WORLD.denied,
    });
    const after = compileSnapshot(resolvePool(pool, more).intent!);
    expect(after.config).toBe(before.config);
    expect(after.endpoints['v1']?.[0]).toBe(before.endpoints['v1']?.[0]);
    expect(after.endpoints['v1']).toHaveLength(3);
    expect(after.digest).not.toBe(before.digest);
  });
});

describe('changedSnapshots', () => {
  const a = poolSnapshot({ uid: 'a', digest: 'sha256:1' });
  const b = poolSnapshot({ uid: 'b', digest: 'sha256:2' });
  const by = (...all: PoolSnapshot[]): Map<string, PoolSnapshot> =>
    new Map(all.map((each) => [each.uid, each]));

  it('puts what is new or differs, and removes what is gone', () => {
    const changed = { ...b, digest: 'sha256:3' };
    expect(changedSnapshots(by(a, b), by(changed))).toEqual({ put: [changed], gone: ['a'] });
    expect(changedSnapshots(by(), by(a))).toEqual({ put: [a], gone: [] });
  });

  it('pushes nothing for equal content, whatever the generation', () => {
    expect(changedSnapshots(by(a), by({ ...a, generation: 9 }))).toEqual({ put: [], gone: [] });
  });
});
