import type { Retries, RetryCondition } from '../../api/snapshot.ts';
import type { RequestView } from './request-view.ts';
import { type ErrorCode, traitsOf } from '../errors.ts';

/** Methods whose repetition means no more than one request does (RFC 9110 section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** May a request be sent twice? One that carries an Idempotency-Key says that its backend sees to it. */
export function isIdempotent(request: Pick<RequestView, 'method' | 'header'>): boolean {
  return IDEMPOTENT.has(request.method) || request.header('idempotency-key') !== undefined;
}

/** What is known about a request whose attempt went wrong before any of the response was passed on. */
export interface FailedAttempt {
  readonly isIdempotent: boolean;
  /** Everything that was sent of it can be sent again. */
  readonly isReplayable: boolean;
  /** Retries so far. */
  readonly retries: number;
}

/**
 * - `free`: nothing was sent, so another attempt repeats nothing.
 * - `budget`: it repeats a request that may have been seen, if the budget has room.
 */
export type RetryVerdict = 'no' | 'free' | 'budget';

/** May a failed attempt be followed by another? DESIGN section 4, "Retries". */
export function judgeRetry(code: ErrorCode, attempt: FailedAttempt, config: Retries): RetryVerdict {
  const condition = conditionOf(code);
  if (condition === undefined || attempt.retries >= config.attempts || !config.retryOn.includes(condition)) {
    return 'no';
  }
  if (traitsOf(code).retry === 'nothing-sent') return 'free';
  return attempt.isIdempotent && attempt.isReplayable ? 'budget' : 'no';
}

/** May a response with this status be dropped for another attempt? */
export function judgeStatus(status: number, attempt: FailedAttempt, config: Retries): RetryVerdict {
  if (attempt.retries >= config.attempts || !config.retryOn.includes('StatusCode')) return 'no';
  return config.statusCodes.includes(status) && attempt.isIdempotent && attempt.isReplayable
    ? 'budget'
    : 'no';
}

function conditionOf(code: ErrorCode): RetryCondition | undefined {
  switch (code) {
    case 'UPSTREAM_CONNECT_REFUSED':
    case 'UPSTREAM_CONNECT_FAILED':
    case 'UPSTREAM_CONNECT_TIMEOUT':
      return 'ConnectFailure';
    case 'UPSTREAM_RESET':
    case 'UPSTREAM_STALE_CONNECTION':
      return 'ResetBeforeResponse';
    case 'UPSTREAM_RESPONSE_TIMEOUT':
    case 'UPSTREAM_TRY_TIMEOUT':
      return 'Timeout';
    default:
      return undefined;
  }
}
