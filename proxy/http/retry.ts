import type { Retries, RetryCondition } from '../../api/snapshot.ts';
import type { RequestView } from './request-view.ts';
import type { ErrorCode } from '../errors.ts';

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

/** May a request that was sent, and failed like this, be repeated if the budget has room? */
export function mayRepeat(code: ErrorCode, attempt: FailedAttempt, config: Retries): boolean {
  const condition = conditionOf(code);
  return condition !== undefined && config.retryOn.includes(condition) && isRepeatable(attempt, config);
}

/** May a request that its backend says it has not looked at be sent again? Whatever the method, outside the budget. */
export function mayResend(code: ErrorCode, attempt: FailedAttempt, config: Retries): boolean {
  return (
    code === 'UPSTREAM_REFUSED_STREAM' &&
    config.retryOn.includes('RefusedStream') &&
    attempt.retries < config.attempts &&
    attempt.isReplayable
  );
}

/** May a response with this status be dropped for another attempt, if the budget has room? */
export function mayRepeatStatus(status: number, attempt: FailedAttempt, config: Retries): boolean {
  return (
    config.retryOn.includes('StatusCode') &&
    config.statusCodes.includes(status) &&
    isRepeatable(attempt, config)
  );
}

/**
 * How much of the body of a request under way may have to be sent again, so that it is worth keeping.
 * @param mayRefuse the backend can say that it has not looked at it
 */
export function bytesWorthKeeping(
  attempt: Pick<FailedAttempt, 'isIdempotent' | 'retries'>,
  config: Retries,
  mayRefuse: boolean,
): number {
  const isKept = (attempt.isIdempotent || mayRefuse) && attempt.retries < config.attempts;
  return isKept ? config.bufferBytes : 0;
}

function isRepeatable(attempt: FailedAttempt, config: Retries): boolean {
  return attempt.retries < config.attempts && attempt.isIdempotent && attempt.isReplayable;
}

function conditionOf(code: ErrorCode): RetryCondition | undefined {
  switch (code) {
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
