import { describe, expect, it } from 'vitest';
import { FairSet } from '../../../controller/fair-set.ts';

const tenantOf = (key: string): string => key.split('/')[0]!;
const filled = (...keys: string[]): FairSet => {
  const set = new FairSet(tenantOf);
  for (const key of keys) set.add(key);
  return set;
};

// J14
describe('FairSet', () => {
  it('takes turns among tenants, and keeps the order of each', () => {
    const set = filled('a/1', 'a/2', 'a/3', 'b/1', 'c/1', 'c/2');
    expect([...set]).toEqual(['a/1', 'b/1', 'c/1', 'a/2', 'c/2', 'a/3']);
    expect(set.size).toBe(6);
  });

  it('lets nobody wait for more than one key of each other tenant', () => {
    const set = filled(...Array.from({ length: 10_000 }, (_, i) => `a/${i}`), 'b/1', 'c/1');
    expect([...set].indexOf('b/1')).toBe(1);
    expect([...set].indexOf('c/1')).toBe(2);
  });

  it('goes on with the next tenant when it is asked again', () => {
    const set = filled('a/1', 'a/2', 'b/1', 'c/1');
    const taken: string[] = [];
    while (set.size > 0) {
      const [next] = set;
      set.delete(next!);
      taken.push(next!);
    }
    expect(taken).toEqual(['a/1', 'b/1', 'c/1', 'a/2']);
  });

  it('has each key once, at its first place, and forgets what is deleted', () => {
    const set = filled('a/1', 'a/2', 'a/1');
    expect([...set]).toEqual(['a/1', 'a/2']);
    set.delete('a/1');
    set.delete('a/1');
    set.delete('b/1');
    expect([...set]).toEqual(['a/2']);
    expect(set.size).toBe(1);
    set.clear();
    expect([...set, set.size]).toEqual([0]);
  });

  it('can lose keys while it is gone through', () => {
    const set = filled('a/1', 'a/2', 'b/1', 'b/2');
    const seen: string[] = [];
    for (const key of set) {
      seen.push(key);
      set.delete(key);
    }
    expect(seen).toEqual(['a/1', 'b/1', 'a/2', 'b/2']);
    expect(set.size).toBe(0);
  });
});
