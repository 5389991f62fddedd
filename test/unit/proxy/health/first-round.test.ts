import { describe, expect, it } from 'vitest';
import { FirstRound } from '../../../../proxy/health/first-round.ts';

async function settled(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => true), Promise.resolve().then(() => false)]);
}

describe('the first round', () => {
  it('is done at once when nothing is pending', async () => {
    expect(await settled(new FirstRound<string>().done())).toBe(true);
  });

  it('waits for all that were pending, and for nothing that came later', async () => {
    const round = new FirstRound<string>();
    round.expect('a');
    round.expect('b');
    const done = round.done();
    round.expect('c');
    round.answered('a');
    round.answered('a');
    expect(await settled(done)).toBe(false);
    round.answered('b');
    await done;
    expect(round.size).toBe(1);
  });

  it('lets everyone go when it is abandoned', async () => {
    const round = new FirstRound<string>();
    round.expect('a');
    const both = [round.done(), round.done()];
    round.abandon();
    await Promise.all(both);
  });
});
