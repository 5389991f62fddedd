import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeToProxy, encodeToProxy } from '../../../api/control.ts';
import type { PoolUpdate } from '../../../api/control_pb.ts';
import { compareEndpoints, endpointKey } from '../../../api/endpoints.ts';
import { encodeUpdate, readUpdate } from '../../../api/pool-update.ts';
import type { Endpoint, PoolSnapshot } from '../../../api/snapshot.ts';
import { backend, endpoint, poolConfig, poolSnapshot } from '../../support/builders.ts';

const sent = (snapshot: PoolSnapshot, base?: PoolSnapshot): PoolUpdate => {
  const bytes = encodeUpdate(snapshot, { epoch: 1, newest: {}, ...(base === undefined ? {} : { base }) });
  const body = decodeToProxy(bytes);
  if (body?.case !== 'update') throw new Error('not an update');
  return body.value;
};

const endpoints = fc
  .uniqueArray(
    fc.record({
      address: fc.integer({ min: 1, max: 9 }).map((n) => `10.0.0.${n}`),
      port: fc.constantFrom(80, 81),
      targetUid: fc.constantFrom('a', 'b'),
      condition: fc.constantFrom('Ready' as const, 'NotReady' as const),
      weight: fc.integer({ min: 0, max: 3 }),
    }),
    { selector: endpointKey },
  )
  .map((list): Endpoint[] => [...list].sort(compareEndpoints));

const snapshot = fc
  .record({ v1: endpoints, v2: endpoints, both: fc.boolean(), digest: fc.uuid() })
  .map(({ v1, v2, both, digest }) =>
    poolSnapshot({
      digest,
      config: poolConfig({ backends: both ? [backend(), backend({ name: 'v2' })] : [backend()] }),
      endpoints: both ? { v1, v2 } : { v1 },
    }),
  );

describe('pool updates', () => {
  it('make of what a proxy has exactly what the controller has, in full and as deltas', () => {
    fc.assert(
      fc.property(fc.array(snapshot, { minLength: 1, maxLength: 5 }), (history) => {
        let has: PoolSnapshot | undefined;
        for (const next of history) {
          for (const base of [undefined, has]) {
            const read = readUpdate(sent(next, base), has);
            expect(read).toEqual({ kind: 'snapshot', snapshot: next });
          }
          has = next;
        }
      }),
      { seed: 11, numRuns: 200 },
    );
  });

  it('leave out what did not change', () => {
    const many = Array.from({ length: 1_000 }, (_, i) => endpoint({ address: `10.0.${i >> 8}.${i & 255}` }));
    const before = poolSnapshot({ digest: 'd1', endpoints: { v1: many } });
    const after = poolSnapshot({
      digest: 'd2',
      endpoints: { v1: many.with(500, { ...many[500]!, condition: 'NotReady' }) },
    });
    const update = sent(after, before);
    expect(update.config).toHaveLength(0);
    expect(update.endpoints.length).toBeLessThan(300);
  });

  it('keep the identity of what did not change', () => {
    const before = poolSnapshot({ digest: 'd1' });
    const after = poolSnapshot({ digest: 'd2', endpoints: { v1: [endpoint(), endpoint({ port: 9001 })] } });
    const read = readUpdate(sent(after, before), before);
    if (read.kind !== 'snapshot') throw new Error(read.kind);
    expect(read.snapshot.config).toBe(before.config);
    expect(read.snapshot.endpoints['v1']![0]).toBe(before.endpoints['v1']![0]);
  });

  it('ask for everything when a delta starts from something else', () => {
    // I12
    const [a, b, c] = ['a', 'b', 'c'].map((digest) => poolSnapshot({ digest }));
    expect(readUpdate(sent(c!, b), a)).toEqual({ kind: 'resync' });
    expect(readUpdate(sent(c!, b), undefined)).toEqual({ kind: 'resync' });
  });

  it('are refused, not thrown, when they are not JSON', () => {
    const update = { ...sent(poolSnapshot()), config: new TextEncoder().encode('{"listeners":') };
    expect(readUpdate(update, undefined)).toMatchObject({ kind: 'malformed' });
  });

  it('carry backends with names that plain objects know', () => {
    // J05
    const names = ['__proto__', 'constructor', 'toString'];
    const next = poolSnapshot({
      digest: 'd2',
      config: poolConfig({ backends: names.map((name) => backend({ name })) }),
      endpoints: Object.fromEntries(names.map((name) => [name, [endpoint()]])),
    });
    const before = poolSnapshot({ digest: 'd1' });
    for (const update of [sent(next), sent(next, before)]) {
      expect(readUpdate(update, before)).toEqual({ kind: 'snapshot', snapshot: next });
    }
    expect({}).not.toHaveProperty('condition');
  });
});

describe('messages of another version', () => {
  // I16
  it('lose only what this one does not know', () => {
    const known = encodeToProxy({ case: 'removal', value: { epoch: 3, uid: 'u' } });
    const field99 = Buffer.from([0x9a, 0x06, 0x03, 0x61, 0x62, 0x63]); // field 99, three bytes
    expect(decodeToProxy(Buffer.concat([known, field99]))).toMatchObject({
      case: 'removal',
      value: { epoch: 3, uid: 'u' },
    });
    expect(decodeToProxy(field99)).toBeUndefined();
  });
});
