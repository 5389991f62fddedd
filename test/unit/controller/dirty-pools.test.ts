import { describe, expect, it } from 'vitest';
import { DirtyPools } from '../../../controller/dirty-pools.ts';

describe('DirtyPools', () => {
  // J14
  it('puts what another namespace changes into the next part, behind ten thousand of one', () => {
    const dirty = new DirtyPools();
    for (let i = 0; i < 10_000; i++) dirty.add(`tenant/p${i}`, 0);
    dirty.take(256);
    dirty.add('shop/checkout', 5);
    const part = dirty.take(256);
    expect(part.get('shop/checkout')).toBe(5);
    expect([...part.keys()].slice(0, 3)).toEqual(['tenant/p256', 'shop/checkout', 'tenant/p257']);
    expect(dirty.size).toBe(10_000 - 256 - 255);
  });

  it('remembers since when a pool is dirty, until it is taken', () => {
    const dirty = new DirtyPools();
    dirty.add('shop/a', 1);
    dirty.add('shop/a', 2);
    expect([...dirty.take(10)]).toEqual([['shop/a', 1]]);
    dirty.add('shop/a', 3);
    expect([...dirty.take(10)]).toEqual([['shop/a', 3]]);
    expect(dirty.take(10).size).toBe(0);
  });
});
