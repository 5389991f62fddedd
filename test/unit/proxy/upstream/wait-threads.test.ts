import { describe, expect, it } from 'vitest';
import type { WaitInput, WaitOutput } from '../../../support/threads/wait.ts';
import { HEALTHY, READY, SharedTable } from '../../../../proxy/state/shared-table.ts';
import { SlotAllocator } from '../../../../proxy/state/slot-allocator.ts';
import { endpoint, poolSnapshot } from '../../../support/builders.ts';
import { runThreads } from '../../../support/threads/run.ts';

// D12
describe('requests of several threads that wait for the same endpoints', () => {
  it('are all served, none beyond the limit, also those of a thread that has nothing in flight itself', async () => {
    const main = new SharedTable(-1);
    const pool = poolSnapshot({
      endpoints: { v1: [endpoint({ address: '10.0.0.1' }), endpoint({ address: '10.0.0.2' })] },
    });
    const slots = new SlotAllocator(main).assign(pool);
    if (slots === 'out-of-slots') throw new Error(slots);
    const { upstream, endpoints } = slots['v1']!;
    for (const slot of endpoints) main.setFlags(slot, READY | HEALTHY);
    // The first thread keeps eight requests going for four places; the second sends one at a time.
    const thread = (worker: number, requests: number, atOnce: number): WaitInput => {
      return { worker, buffer: main.buffer, pool, slots, requests, atOnce, maxInFlight: 2, holdMs: 5 };
    };
    const [busy, modest] = await runThreads<WaitOutput>('wait.ts', [thread(0, 200, 8), thread(1, 20, 1)]);
    expect([busy!.lost, modest!.lost]).toEqual([[], []]);
    expect([busy!.served, modest!.served]).toEqual([200, 20]);
    expect(Math.max(busy!.mostInFlight, modest!.mostInFlight)).toBeLessThanOrEqual(2);
    // Its turn comes after those that were there before it, not after the busy thread is done.
    expect(modest!.longestMs).toBeLessThan(busy!.longestMs * 3 + 100);
    expect(endpoints.map((slot) => main.inFlight(slot))).toEqual([0, 0]);
    expect(main.waiting(upstream)).toBe(0);
  });
});
