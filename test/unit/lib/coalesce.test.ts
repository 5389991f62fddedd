import { beforeEach, describe, expect, it } from 'vitest';
import { coalesce, type Coalesced } from '../../../lib/coalesce.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const settle = async (): Promise<void> => {
  for (let i = 0; i < 5; i += 1) await Promise.resolve();
};

describe('coalesce', () => {
  let clock: FakeClock;
  let starts: number[];
  let errors: unknown[];
  let finish: (error?: Error) => void;
  let runner: Coalesced;

  beforeEach(() => {
    clock = new FakeClock();
    starts = [];
    errors = [];
    finish = () => undefined;
    runner = coalesce({
      holdMs: 10,
      minIntervalMs: 50,
      retryMs: 1_000,
      clock,
      onError: (error) => errors.push(error),
      run: () => {
        starts.push(clock.now());
        return new Promise((resolve, reject) => {
          finish = (error) => (error === undefined ? resolve() : reject(error));
        });
      },
    });
  });

  it('runs once for all requests made within the hold', () => {
    runner.request();
    clock.advance(9);
    runner.request();
    clock.advance(1);
    expect(starts).toEqual([10]);
  });

  it('never overlaps runs, and follows a request made during one with another', async () => {
    runner.request();
    clock.advance(10);
    runner.request();
    clock.advance(500);
    expect(starts).toEqual([10]);
    finish();
    await settle();
    clock.advance(10);
    expect(starts).toEqual([10, 520]);
  });

  it('keeps the least interval between two starts', async () => {
    runner.request();
    clock.advance(10);
    finish();
    await settle();
    runner.request();
    clock.advance(49);
    expect(starts).toEqual([10]);
    clock.advance(1);
    expect(starts).toEqual([10, 60]);
  });

  it('reports a failed run and repeats it', async () => {
    runner.request();
    clock.advance(10);
    finish(new Error('no'));
    await settle();
    expect(errors).toHaveLength(1);
    clock.advance(999);
    expect(starts).toHaveLength(1);
    clock.advance(1);
    expect(starts).toHaveLength(2);
  });

  it('repeats a failed run sooner when it is requested', async () => {
    runner.request();
    clock.advance(10);
    finish(new Error('no'));
    await settle();
    clock.advance(100);
    runner.request();
    clock.advance(10);
    expect(starts).toEqual([10, 120]);
  });

  it('starts nothing after close, which waits for the run under way', async () => {
    runner.request();
    clock.advance(10);
    let closed = false;
    const closing = runner.close().then(() => (closed = true));
    await settle();
    expect(closed).toBe(false);
    runner.request();
    finish();
    await closing;
    clock.advance(10_000);
    expect(starts).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });
});
