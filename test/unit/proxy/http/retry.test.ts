import { describe, expect, it } from 'vitest';
import type { Retries } from '../../../../api/snapshot.ts';
import type { ErrorCode } from '../../../../proxy/errors.ts';
import { type FailedAttempt, isIdempotent, judgeRetry, judgeStatus } from '../../../../proxy/http/retry.ts';
import { resilience } from '../../../support/builders.ts';
import { request } from '../../../support/request-view.ts';

const ALL: Retries = {
  ...resilience().retries,
  attempts: 2,
  retryOn: ['ConnectFailure', 'RefusedStream', 'ResetBeforeResponse', 'Timeout', 'StatusCode'],
  statusCodes: [503],
};
const GOOD: FailedAttempt = { isIdempotent: true, isReplayable: true, retries: 0 };

describe('isIdempotent', () => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])('holds for %s', (method) => {
    expect(isIdempotent(request({ method }))).toBe(true);
  });

  it.each(['POST', 'PATCH', 'PURGE', 'get'])('does not hold for %s', (method) => {
    expect(isIdempotent(request({ method }))).toBe(false);
  });

  it('holds for any method that carries an Idempotency-Key', () => {
    expect(isIdempotent(request({ method: 'POST', headers: { 'idempotency-key': '1' } }))).toBe(true);
  });
});

describe('judgeRetry', () => {
  it.each<[ErrorCode, string]>([
    ['UPSTREAM_CONNECT_REFUSED', 'free'],
    ['UPSTREAM_CONNECT_FAILED', 'free'],
    ['UPSTREAM_CONNECT_TIMEOUT', 'free'],
    ['UPSTREAM_RESET', 'budget'],
    ['UPSTREAM_STALE_CONNECTION', 'budget'],
    ['UPSTREAM_TRY_TIMEOUT', 'budget'],
    ['UPSTREAM_RESPONSE_TIMEOUT', 'budget'],
    ['UPSTREAM_PROTOCOL', 'no'],
    ['UPSTREAM_IDLE', 'no'],
    ['REQUEST_TIMEOUT', 'no'],
    ['DOWNSTREAM_CLOSED', 'no'],
    ['NO_ELIGIBLE_ENDPOINT', 'no'],
  ])('answers %s with %s when everything is allowed', (code, verdict) => {
    expect(judgeRetry(code, GOOD, ALL)).toBe(verdict);
  });

  it('repeats what was sent only when it is idempotent and whole', () => {
    for (const attempt of [
      { ...GOOD, isIdempotent: false },
      { ...GOOD, isReplayable: false },
    ]) {
      expect(judgeRetry('UPSTREAM_RESET', attempt, ALL)).toBe('no');
      expect(judgeRetry('UPSTREAM_CONNECT_REFUSED', attempt, ALL)).toBe('free');
      expect(judgeStatus(503, attempt, ALL)).toBe('no');
    }
  });

  it('stops after the configured attempts', () => {
    expect(judgeRetry('UPSTREAM_RESET', { ...GOOD, retries: 1 }, ALL)).toBe('budget');
    expect(judgeRetry('UPSTREAM_RESET', { ...GOOD, retries: 2 }, ALL)).toBe('no');
    expect(judgeRetry('UPSTREAM_CONNECT_REFUSED', { ...GOOD, retries: 2 }, ALL)).toBe('no');
    expect(judgeStatus(503, { ...GOOD, retries: 2 }, ALL)).toBe('no');
  });

  it('retries only under the configured conditions', () => {
    expect(judgeRetry('UPSTREAM_RESET', GOOD, { ...ALL, retryOn: ['ConnectFailure'] })).toBe('no');
    expect(judgeRetry('UPSTREAM_TRY_TIMEOUT', GOOD, resilience().retries)).toBe('no');
    expect(judgeStatus(503, GOOD, { ...ALL, retryOn: ['Timeout'] })).toBe('no');
    expect(judgeStatus(500, GOOD, ALL)).toBe('no');
    expect(judgeStatus(503, GOOD, ALL)).toBe('budget');
  });
});
