import { describe, expect, it } from 'vitest';
import type { Retries } from '../../../../api/snapshot.ts';
import type { ErrorCode } from '../../../../proxy/errors.ts';
import {
  type FailedAttempt,
  isIdempotent,
  mayRepeat,
  mayRepeatStatus,
} from '../../../../proxy/http/retry.ts';
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

describe('mayRepeat', () => {
  it.each<[ErrorCode, boolean]>([
    ['UPSTREAM_RESET', true],
    ['UPSTREAM_STALE_CONNECTION', true],
    ['UPSTREAM_TRY_TIMEOUT', true],
    ['UPSTREAM_RESPONSE_TIMEOUT', true],
    ['UPSTREAM_PROTOCOL', false],
    ['UPSTREAM_IDLE', false],
    ['REQUEST_TIMEOUT', false],
    ['DOWNSTREAM_CLOSED', false],
    ['NO_ELIGIBLE_ENDPOINT', false],
    // The dialer has tried what there was to try.
    ['UPSTREAM_CONNECT_REFUSED', false],
  ])('answers %s with %s when everything is allowed', (code, verdict) => {
    expect(mayRepeat(code, GOOD, ALL)).toBe(verdict);
  });

  it('repeats only what is idempotent and whole', () => {
    for (const attempt of [
      { ...GOOD, isIdempotent: false },
      { ...GOOD, isReplayable: false },
    ]) {
      expect(mayRepeat('UPSTREAM_RESET', attempt, ALL)).toBe(false);
      expect(mayRepeatStatus(503, attempt, ALL)).toBe(false);
    }
  });

  it('stops after the configured attempts', () => {
    expect(mayRepeat('UPSTREAM_RESET', { ...GOOD, retries: 1 }, ALL)).toBe(true);
    expect(mayRepeat('UPSTREAM_RESET', { ...GOOD, retries: 2 }, ALL)).toBe(false);
    expect(mayRepeatStatus(503, { ...GOOD, retries: 2 }, ALL)).toBe(false);
  });

  it('repeats only under the configured conditions', () => {
    expect(mayRepeat('UPSTREAM_RESET', GOOD, { ...ALL, retryOn: ['ConnectFailure'] })).toBe(false);
    expect(mayRepeat('UPSTREAM_TRY_TIMEOUT', GOOD, resilience().retries)).toBe(false);
    expect(mayRepeatStatus(503, GOOD, { ...ALL, retryOn: ['Timeout'] })).toBe(false);
    expect(mayRepeatStatus(500, GOOD, ALL)).toBe(false);
    expect(mayRepeatStatus(503, GOOD, ALL)).toBe(true);
  });
});
