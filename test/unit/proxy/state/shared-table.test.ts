import { describe, expect, it } from 'vitest';
import { MAX_WORKERS, SharedTable } from '../../../../proxy/state/shared-table.ts';
import type { CountInput, CountResult } from '../../../support/threads/count.ts';
import { runThreads } from '../../../support/threads/run.ts';

const THREADS = 3;

describe('SharedTable', () => {
  it('counts exactly and never lets a limit be passed while several threads acquire and release', async () => {
    const main = new SharedTable(-1);
    const slot = 5;
    const limit = 7;
    main.resetEndpoint(slot);
    const results = await runThreads<CountResult>(
      'count.ts',
      Array.from({ length: THREADS }, (_, worker): CountInput => {
        return { worker, buffer: main.buffer, slot, limit, rounds: 200_000 };
      }),
    );
    for (const { most } of results) expect(most).toBeLessThanOrEqual(limit);
    // The limit was met, so it was tested.
    expect(results.reduce((sum, { refused }) => sum + refused, 0)).toBeGreaterThan(0);
    expect(main.inFlight(slot)).toBe(results.reduce((sum, { held }) => sum + held, 0));
    for (const [worker, { held }] of results.entries()) expect(main.inFlightOf(worker, slot)).toBe(held);
  });

  it('takes the counts of a dead worker back, and leaves those of the others', () => {
    const main = new SharedTable(-1);
    const dead = new SharedTable(3, main.buffer);
    const alive = new SharedTable(4, main.buffer);
    for (const slot of [0, 1, 900]) main.resetEndpoint(slot);
    main.resetUpstream(2);
    for (let i = 0; i < 5; i++) dead.tryAcquire(0, Infinity);
    dead.tryAcquire(900, Infinity);
    alive.tryAcquire(0, Infinity);
    dead.tryWait(2, 10);
    dead.setOldestWait(2, 1_000);
    alive.tryWait(2, 10);
    main.forgetWorker(3);
    expect([0, 1, 900].map((slot) => main.inFlight(slot))).toEqual([1, 0, 0]);
    expect(main.inFlightOf(3, 0)).toBe(0);
    expect(main.waiting(2)).toBe(1);
    expect(alive.olderWaitElsewhere(2, 0, 5_000)).toBe(-1);
    main.forgetWorker(3);
    main.tryAcquire(0, 9);
    expect([main.inFlight(0), main.inFlightOf(4, 0), main.inFlightOf(0, 0)]).toEqual([2, 1, 0]);
  });

  it('counts attempts over all workers, also those that are gone, until the slot is another endpoint’s', () => {
    const main = new SharedTable(-1);
    const [one, two] = [new SharedTable(0, main.buffer), new SharedTable(MAX_WORKERS - 1, main.buffer)];
    const slot = SharedTable.endpointSlots - 1;
    main.resetEndpoint(slot);
    for (const table of [main, one, two, two]) {
      table.tryAcquire(slot, 9);
      table.release(slot);
    }
    two.countFailedAttempt(slot);
    main.forgetWorker(0);
    // The main thread's own was only to see which endpoint would be taken.
    expect(main.attempts(slot)).toEqual({ ended: 3, failed: 1 });
    expect(main.attempts(slot - 1)).toEqual({ ended: 0, failed: 0 });
    main.resetEndpoint(slot);
    expect(main.attempts(slot)).toEqual({ ended: 0, failed: 0 });
  });

  it('gives an endpoint that comes back a clean slot, except for what is still in flight', () => {
    const main = new SharedTable(-1);
    const worker = new SharedTable(0, main.buffer);
    main.resetEndpoint(1);
    worker.tryAcquire(1, 1);
    main.setFlags(1, 3);
    main.setFailureLimit(1, 2);
    worker.countFailure(1);
    worker.setLatency(1, 5, 5);
    main.setWeightPercent(1, 10);
    main.resetEndpoint(1);
    expect(main.inFlight(1)).toBe(1);
    expect([main.flags(1), main.failures(1), main.failureLimit(1), main.latencyUs(1)]).toEqual([0, 0, 0, 0]);
    expect(main.weightPercent(1)).toBe(100);
  });

  it('keeps the cells of neighbours apart, up to the last slot and worker', () => {
    const main = new SharedTable(-1);
    const last = SharedTable.endpointSlots - 1;
    const worker = new SharedTable(MAX_WORKERS - 1, main.buffer);
    for (const slot of [last - 1, last]) main.resetEndpoint(slot);
    main.resetUpstream(0);
    main.resetUpstream(SharedTable.upstreamSlots - 1);
    worker.tryAcquire(last, 9);
    worker.tryWait(SharedTable.upstreamSlots - 1, 9);
    worker.setOldestWait(SharedTable.upstreamSlots - 1, 77);
    worker.beat();
    expect([main.inFlight(last - 1), main.inFlight(last)]).toEqual([0, 1]);
    expect([main.epoch(0), main.waiting(0), main.waiting(SharedTable.upstreamSlots - 1)]).toEqual([0, 0, 1]);
    expect([main.heartbeat(0), main.heartbeat(MAX_WORKERS - 1)]).toEqual([0, 1]);
  });

  it('tells ages right when the clock passes 2^31 and 2^32 milliseconds', () => {
    const main = new SharedTable(-1);
    for (const now of [2 ** 31 - 5, 2 ** 32 - 5]) {
      main.bumpEpoch(0, now);
      expect(main.sinceEpochMs(0, now + 30)).toBe(30);
      main.setLatency(0, 1, now);
      expect(main.latencyAgeMs(0, now + 30)).toBe(30);
    }
  });
});
