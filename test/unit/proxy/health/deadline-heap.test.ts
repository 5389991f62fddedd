import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeadlineHeap, type Deadline } from '../../../../proxy/health/deadline-heap.ts';

describe('the heap of deadlines', () => {
  it('gives the earliest, whatever was added, moved and taken out', () => {
    const step = fc.tuple(fc.constantFrom('put', 'remove', 'pop'), fc.nat(19), fc.nat(1000));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const items = Array.from({ length: 20 }, (): Deadline => ({ dueAt: 0, heapIndex: -1 }));
        const inside = new Set<Deadline>();
        const heap = new DeadlineHeap<Deadline>();
        for (const [kind, index, dueAt] of steps) {
          const item = kind === 'pop' ? heap.peek() : items[index]!;
          if (item === undefined) continue;
          if (kind === 'put') {
            item.dueAt = dueAt;
            heap.put(item);
            inside.add(item);
          } else {
            heap.remove(item);
            inside.delete(item);
          }
          expect(heap.size).toBe(inside.size);
          expect(heap.peek()?.dueAt).toBe(
            inside.size === 0 ? undefined : Math.min(...Array.from(inside, (each) => each.dueAt)),
          );
        }
      }),
    );
  });
});
