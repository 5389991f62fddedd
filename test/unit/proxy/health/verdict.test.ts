import { describe, expect, it } from 'vitest';
import { judge, type Facts, type Finding } from '../../../../proxy/health/verdict.ts';
import { EndpointState } from '../../../../proxy/state/endpoint-state.ts';
import {
  DRAINING,
  EXCLUDED,
  HEALTHY,
  READY,
  SharedTable,
  UNREACHABLE,
} from '../../../../proxy/state/shared-table.ts';

const refused: Finding = { source: 'Passive', reason: 'ConnectRefused', message: 'connection refused' };
const silent: Finding = {
  source: 'Active',
  reason: 'ConnectTimeout',
  message: 'no connection within 500 ms',
};
const outlier: Finding = { source: 'Passive', reason: 'ConsecutiveFailures', message: '5 failures' };
const failing: Finding = { source: 'Active', reason: 'UnexpectedStatus', message: 'HTTP 500, wanted 200' };
const passed: Finding = { source: 'Active', reason: 'CheckPassed', message: 'check passed' };

const facts = (over: Partial<Facts> = {}): Facts => ({ condition: 'Ready', drained: false, ...over });

describe('the verdict', () => {
  it.each<[string, Facts, string, number]>([
    ['ready, nothing wrong', facts(), 'Healthy Readiness Ready', READY | HEALTHY],
    ['check passes', facts({ well: passed }), 'Healthy Active CheckPassed', READY | HEALTHY],
    ['check fails', facts({ failing }), 'Unhealthy Active UnexpectedStatus', READY],
    // H08: traffic fails while the check passes, and both fail.
    [
      'traffic fails, check passes',
      facts({ ejected: outlier, well: passed }),
      'Unhealthy Passive ConsecutiveFailures',
      READY,
    ],
    [
      'traffic and check fail',
      facts({ ejected: outlier, failing }),
      'Unhealthy Passive ConsecutiveFailures',
      READY,
    ],
    [
      'refused and ejected',
      facts({ unreachable: refused, ejected: outlier }),
      'Unhealthy Passive ConnectRefused',
      READY,
    ],
    [
      'packets to it are lost',
      facts({ failing: silent }),
      'Unhealthy Active ConnectTimeout',
      READY | UNREACHABLE,
    ],
    [
      'not ready, and packets to it are lost',
      facts({ condition: 'NotReady', failing: silent }),
      'Unhealthy Readiness NotReady',
      0,
    ],
    ['not ready', facts({ condition: 'NotReady', well: passed }), 'Unhealthy Readiness NotReady', 0],
    [
      'not ready, drained',
      facts({ condition: 'NotReady', drained: true }),
      'Unhealthy Readiness NotReady',
      0,
    ],
    [
      'terminating',
      facts({ condition: 'Terminating' }),
      'Draining Readiness Terminating',
      HEALTHY | DRAINING,
    ],
    [
      'terminating, refused',
      facts({ condition: 'Terminating', unreachable: refused }),
      'Draining Readiness Terminating',
      DRAINING,
    ],
    [
      'drained by a person',
      facts({ override: 'Drain' }),
      'Draining Override Drain',
      READY | HEALTHY | DRAINING,
    ],
    ['drained by command', facts({ drained: true }), 'Draining Override Drain', READY | HEALTHY | DRAINING],
    ['drained, check fails', facts({ drained: true, failing }), 'Draining Override Drain', READY | DRAINING],
    ['excluded', facts({ override: 'Exclude', failing }), 'Excluded Override Exclude', READY | EXCLUDED],
    [
      'excluded, not ready',
      facts({ override: 'Exclude', condition: 'NotReady' }),
      'Excluded Override Exclude',
      EXCLUDED,
    ],
  ])('of an endpoint: %s', (_, given, expected, flags) => {
    const { state, source, reason, flags: written } = judge(given);
    expect(`${state} ${source} ${reason}`).toBe(expected);
    expect(written).toBe(flags);
  });

  it('says what else is wrong with a draining endpoint', () => {
    expect(judge(facts({ drained: true, failing })).message).toBe('drained by command; HTTP 500, wanted 200');
  });

  it('keeps to 256 characters', () => {
    const long = { ...failing, message: 'x'.repeat(256) };
    expect(judge(facts({ override: 'Drain', failing: long })).message).toHaveLength(256);
  });

  it('has flags that balancing reads as the table of states says', () => {
    const table = new SharedTable(0);
    const endpoint = new EndpointState(
      { key: '', slot: 0, upstream: 0, address: '', port: 1 },
      { weight: 1 },
      table,
    );
    const mayTake = (given: Facts): string => {
      table.setFlags(0, judge(given).flags);
      const { eligible, affine, available } = endpoint;
      return [eligible && 'new', affine && 'bound', available && 'fail-open'].filter(Boolean).join(' ');
    };
    expect(mayTake(facts())).toBe('new bound fail-open');
    expect(mayTake(facts({ failing }))).toBe('fail-open');
    expect(mayTake(facts({ ejected: outlier }))).toBe('fail-open');
    expect(mayTake(facts({ drained: true }))).toBe('bound');
    expect(mayTake(facts({ condition: 'Terminating' }))).toBe('bound');
    expect(mayTake(facts({ condition: 'Terminating', unreachable: refused }))).toBe('');
    expect(mayTake(facts({ condition: 'NotReady' }))).toBe('');
    expect(mayTake(facts({ override: 'Exclude' }))).toBe('');
  });
});
