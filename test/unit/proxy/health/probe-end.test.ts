import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../../lib/clock.ts';
import { connectError, deadline } from '../../../../proxy/health/probe-end.ts';
import type { ProbeResult } from '../../../../proxy/health/probe.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

describe('the deadline of a probe', () => {
  /** A clock whose timers fire late, as after the thread stood still. */
  function lateBy(ms: number): { clock: Clock; fire: () => void } {
    const fake = new FakeClock();
    let late = 0;
    const clock: Clock = { ...boundTo(fake), now: () => fake.now() + late };
    return {
      clock,
      fire: () => {
        late = ms;
        fake.advance(1000);
      },
    };
  }

  function boundTo(fake: FakeClock): Clock {
    return { now: () => fake.now(), wall: () => fake.wall(), after: (ms, fn) => fake.after(ms, fn) };
  }

  it.each<[number, string]>([
    [0, 'times out'],
    [200, 'times out'],
    [3000, 'the proxy itself stood still for 3000 ms'],
  ])('that fires %i ms late: %s', (ms, expected) => {
    // F16: a process that was suspended must not take every endpoint out.
    const { clock, fire } = lateBy(ms);
    let said: ProbeResult | undefined | 'nothing' = 'nothing';
    deadline(clock, 500, (stalled) => (said = stalled));
    fire();
    expect(said).toEqual(ms > 250 ? { kind: 'unknown', message: expected } : undefined);
  });

  it('does not fire once cancelled', () => {
    const clock = new FakeClock();
    let fired = false;
    deadline(clock, 500, () => (fired = true))();
    clock.advance(1000);
    expect(fired).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('an error while connecting', () => {
  it.each([
    ['ECONNREFUSED', 'fail ConnectRefused'],
    ['ETIMEDOUT', 'fail ConnectTimeout'],
    ['EHOSTUNREACH', 'fail ConnectFailed'],
    ['EACCES', 'fail ConnectFailed'],
    ['EMFILE', 'unknown'],
    ['EADDRNOTAVAIL', 'unknown'],
  ])('%s means %s', (code, expected) => {
    const result = connectError(Object.assign(new Error('some text'), { code }));
    expect(result.kind === 'fail' ? `fail ${result.reason}` : result.kind).toBe(expected);
  });
});
