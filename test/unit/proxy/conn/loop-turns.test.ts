import { describe, expect, it } from 'vitest';
import { LoopTurns } from '../../../../proxy/conn/loop-turns.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('LoopTurns', () => {
  it('does not trust what it has not seen', () => {
    expect(new LoopTurns(new FakeClock()).isFresh(0)).toBe(false);
  });

  it('trusts a look for a few milliseconds', async () => {
    const clock = new FakeClock();
    const turns = new LoopTurns(clock);
    turns.isFresh(0);
    await turn();
    expect(turns.isFresh(4)).toBe(true);
    expect(turns.isFresh(5)).toBe(false);
  });

  it('lets what waits go after one whole turn, not at the end of this one', async () => {
    const turns = new LoopTurns(new FakeClock());
    const order: string[] = [];
    turns.afterPoll({ polled: () => order.push('polled') });
    setImmediate(() => order.push('end of this turn'));
    await turn();
    await turn();
    await turn();
    expect(order).toEqual(['end of this turn', 'polled']);
  });

  it('calls each waiter once', async () => {
    const turns = new LoopTurns(new FakeClock());
    let calls = 0;
    for (let i = 0; i < 3; i++) turns.afterPoll({ polled: () => (calls += 1) });
    for (let i = 0; i < 5; i++) await turn();
    expect(calls).toBe(3);
  });
});
