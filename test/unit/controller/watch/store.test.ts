import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Dependents } from '../../../../controller/watch/dependents.ts';
import { keyOf, Store } from '../../../../controller/watch/store.ts';

interface Item {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly value: number;
  readonly noise: number;
}

const item = (name: string, value: number, noise = 0): Item => ({
  metadata: { name, namespace: 'n' },
  value,
  noise,
});

describe('Store', () => {
  it('tells of changes that matter, and only of those', () => {
    const told: string[] = [];
    const store = new Store<Item>({
      matters: ({ value }) => value,
      changed: (before, after) => told.push(`${before?.value}->${after?.value}`),
    });
    store.put(item('a', 1));
    store.put(item('a', 1, 7));
    store.put(item('a', 2));
    store.replace([item('a', 2), item('b', 3)]);
    store.replace([item('b', 3)]);
    store.remove(item('b', 3));
    store.remove(item('b', 3));
    expect(told).toEqual(['undefined->1', '1->2', 'undefined->3', '2->undefined', '3->undefined']);
    expect(store.size).toBe(0);
  });

  it('holds after a list what the list said, whatever came before', () => {
    // I06
    const items = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 3 })));
    fc.assert(
      fc.property(items, fc.array(fc.boolean()), items, (events, removals, list) => {
        const store = new Store<Item>({ matters: ({ value }) => value, changed: () => undefined });
        events.forEach(([name, value], i) => {
          if (removals[i] === true) store.remove(item(name, value));
          else store.put(item(name, value));
        });
        const truth = new Map(list.map(([name, value]) => [name, item(name, value)]));
        store.replace([...truth.values()]);
        expect(new Map([...store.values()].map((each) => [keyOf(each), each.value]))).toEqual(
          new Map([...truth.values()].map((each) => [keyOf(each), each.value])),
        );
      }),
      { seed: 5 },
    );
  });
});

describe('Dependents', () => {
  it('finds the pools that name a Service, and forgets them without a trace', () => {
    const dependents = new Dependents();
    dependents.set('n/p1', ['n/s1', 'n/s2']);
    dependents.set('n/p2', ['n/s2']);
    expect([...dependents.of('n/s2')]).toEqual(['n/p1', 'n/p2']);
    dependents.set('n/p1', ['n/s3']);
    expect([...dependents.of('n/s1')]).toEqual([]);
    expect([...dependents.of('n/s2')]).toEqual(['n/p2']);
    dependents.set('n/p1', []);
    dependents.set('n/p2', []);
    expect(dependents.size).toBe(0);
  });
});
