import { describe, expect, it } from 'vitest';
import type { Retries } from '../../../../api/snapshot.ts';
import type { ErrorCode } from '../../../../proxy/errors.ts';
import {
  bytesWorthKeeping,
  type FailedAttempt,
  isIdempotent,
  mayRepeat,
  mayRepeatStatus,
  mayResend,
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

describe('mayResend', () => {
  it('holds for any method, of what the backend says it has not looked at', () => {
    const post = { ...GOOD, isIdempotent: false };
    expect(mayResend('UPSTREAM_REFUSED_STREAM', post, ALL)).toBe(true);
    expect(mayResend('UPSTREAM_RESET', post, ALL)).toBe(false);
  });

  it('needs all that was sent, an attempt that is left, and a pool that wants it', () => {
    const refused = 'UPSTREAM_REFUSED_STREAM';
    expect(mayResend(refused, { ...GOOD, isReplayable: false }, ALL)).toBe(false);
    expect(mayResend(refused, { ...GOOD, retries: 2 }, ALL)).toBe(false);
    expect(mayResend(refused, GOOD, { ...ALL, retryOn: ['ResetBeforeResponse'] })).toBe(false);
  });
});

describe('bytesWorthKeeping', () => {
  const config = { ...ALL, bufferBytes: 1_000 };

  it('is what the pool allows while another attempt may want them', () => {
    expect(bytesWorthKeeping(GOOD, config, false)).toBe(1_000);
    expect(bytesWorthKeeping({ ...GOOD, retries: 1 }, config, false)).toBe(1_000);
    expect(bytesWorthKeeping({ ...GOOD, retries: 2 }, config, false)).toBe(0);
  });

  it('is nothing of a request that can be sent once only, unless its backend may refuse it', () => {
    const post = { ...GOOD, isIdempotent: false };
    expect(bytesWorthKeeping(post, config, false)).toBe(0);
    expect(bytesWorthKeeping(post, config, true)).toBe(1_000);
  });
});
