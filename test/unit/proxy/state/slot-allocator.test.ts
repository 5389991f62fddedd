import { describe, expect, it } from 'vitest';
import type { PoolSnapshot } from '../../../../api/snapshot.ts';
import type { PoolSlots } from '../../../../proxy/health/health-monitor.ts';
import { SharedTable } from '../../../../proxy/state/shared-table.ts';
import { SlotAllocator } from '../../../../proxy/state/slot-allocator.ts';
import { backend, endpoint, poolConfig, poolSnapshot } from '../../../support/builders.ts';

function pool(uid: string, backends: Record<string, readonly string[]>): PoolSnapshot {
  return poolSnapshot({
    uid,
    config: poolConfig({ backends: Object.keys(backends).map((name) => backend({ name })) }),
    endpoints: Object.fromEntries(
      Object.entries(backends).map(([name, addresses]) => [
        name,
        addresses.map((address) => endpoint({ address })),
      ]),
    ),
  });
}

function assigned(slots: PoolSlots | 'out-of-slots'): PoolSlots {
  if (slots === 'out-of-slots') throw new Error(slots);
  return slots;
}

describe('SlotAllocator', () => {
  it('gives an identity the same slot in every snapshot, whatever its place, weight or condition', () => {
    const allocator = new SlotAllocator(new SharedTable(-1));
    const first = assigned(allocator.assign(pool('p', { v1: ['10.0.0.1', '10.0.0.2'] })));
    const changed = poolSnapshot({
      uid: 'p',
      endpoints: {
        v1: [
          endpoint({ address: '10.0.0.2', weight: 9, condition: 'Terminating' }),
          endpoint({ address: '10.0.0.1' }),
        ],
      },
    });
    const second = assigned(allocator.assign(changed));
    expect(second['v1']!.endpoints).toEqual([...first['v1']!.endpoints].reverse());
    expect(second['v1']!.upstream).toBe(first['v1']!.upstream);
  });

  it('keeps the same address apart in two pools, two backends and two pods', () => {
    const allocator = new SlotAllocator(new SharedTable(-1));
    const address = '10.0.0.1';
    const one = assigned(allocator.assign(pool('p', { v1: [address], v2: [address] })));
    const two = assigned(allocator.assign(pool('q', { v1: [address] })));
    const pods = poolSnapshot({
      uid: 'r',
      endpoints: { v1: ['a', 'b'].map((targetUid) => endpoint({ address, targetUid })) },
    });
    const three = assigned(allocator.assign(pods));
    const slots = [one['v1']!, one['v2']!, two['v1']!, three['v1']!].flatMap(({ endpoints }) => endpoints);
    expect(new Set(slots).size).toBe(5);
  });

  it('gives a slot to another only when all workers let go of it and nothing is in flight', () => {
    const main = new SharedTable(-1);
    const worker = new SharedTable(0, main.buffer);
    const allocator = new SlotAllocator(main);
    const slotOf = (address: string): number =>
      assigned(allocator.assign(pool('p', { v1: [address] })))['v1']!.endpoints[0]!;
    const first = slotOf('10.0.0.1');
    worker.tryAcquire(first, 1);
    expect(slotOf('10.0.0.2')).not.toBe(first);
    allocator.settle();
    expect(slotOf('10.0.0.3')).not.toBe(first);
    worker.release(first);
    allocator.settle();
    const fresh = assigned(allocator.assign(pool('q', { v1: ['10.0.0.4', '10.0.0.5'] })));
    expect(fresh['v1']!.endpoints).toContain(first);
  });

  it('gives an endpoint that comes back before that its old slot, with its count and nothing else', () => {
    const main = new SharedTable(-1);
    const worker = new SharedTable(0, main.buffer);
    const allocator = new SlotAllocator(main);
    const slot = assigned(allocator.assign(pool('p', { v1: ['10.0.0.1'] })))['v1']!.endpoints[0]!;
    worker.tryAcquire(slot, 1);
    main.setFlags(slot, 3);
    allocator.assign(pool('p', { v1: [] }));
    allocator.settle();
    expect(assigned(allocator.assign(pool('p', { v1: ['10.0.0.1'] })))['v1']!.endpoints).toEqual([slot]);
    expect([main.inFlight(slot), main.flags(slot)]).toEqual([1, 0]);
  });

  it('refuses a pool that does not fit, and changes nothing', () => {
    const allocator = new SlotAllocator(new SharedTable(-1), { endpoints: 2, upstreams: 1 });
    const first = assigned(allocator.assign(pool('p', { v1: ['10.0.0.1', '10.0.0.2'] })));
    expect(allocator.assign(pool('p', { v1: ['10.0.0.1', '10.0.0.2', '10.0.0.3'] }))).toBe('out-of-slots');
    expect(allocator.assign(pool('q', { v1: [] }))).toBe('out-of-slots');
    expect(allocator.assign(pool('p', { v1: ['10.0.0.1', '10.0.0.2'] }))).toEqual(first);
    allocator.forget('p');
    allocator.settle();
    expect(allocator.assign(pool('q', { v1: ['10.0.0.9'] }))).not.toBe('out-of-slots');
  });

  it('is empty again after 10,000 endpoints came and went', () => {
    const allocator = new SlotAllocator(new SharedTable(-1));
    const highest = Math.max(
      ...Array.from({ length: 10_000 }, (_, i) => {
        const slots = assigned(
          allocator.assign(pool(`p${i % 3}`, { [`v${i % 5}`]: [`10.1.${i >> 8}.${i & 255}`] })),
        );
        allocator.settle();
        return slots[`v${i % 5}`]!.endpoints[0]!;
      }),
    );
    expect(highest).toBeLessThan(10);
    for (const uid of ['p0', 'p1', 'p2', 'unknown']) allocator.forget(uid);
    allocator.settle();
    expect(allocator.used).toEqual({ endpoints: 0, upstreams: 0 });
  });
});
