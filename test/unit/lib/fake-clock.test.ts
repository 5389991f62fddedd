import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../support/fake-clock.ts';

describe('FakeClock', () => {
  it('fires timers in the order of their times, also those started on the way', () => {
    const clock = new FakeClock();
    const fired: string[] = [];
    clock.after(20, () => fired.push(`b@${clock.now()}`));
    clock.after(10, () => {
      fired.push(`a@${clock.now()}`);
      clock.after(5, () => fired.push(`c@${clock.now()}`));
    });
    const cancel = clock.after(12, () => fired.push('cancelled'));
    cancel();
    clock.advance(30);
    expect(fired).toEqual(['a@10', 'c@15', 'b@20']);
    expect(clock.pendingTimers).toBe(0);
  });
});
