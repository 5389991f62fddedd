import type { Clock } from '../../lib/clock.ts';
import { traitsOf, type ErrorCode } from '../errors.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import { HEALTHY } from '../state/shared-table.ts';
import type { PassiveReporter } from '../worker/context.ts';

/** What a worker tells the main thread about an endpoint that let it down. */
export interface PassiveEvent {
  readonly kind:
    /** Nobody listens there. The worker has taken it out already; whether it stays out is for the main thread to say. */
    | 'refused'
    /** A connection did not come about for another reason: look at it now. */
    | 'connect-failed'
    /** The run of failures in the shared table has reached its limit. */
    | 'failures';
  readonly slot: number;
  /** With `slot`: whom it is about. A slot that has a new owner by now shows another address. */
  readonly address: string;
  readonly port: number;
  /** The last failure, for a person: `upstream reset`, `HTTP 503`. */
  readonly cause: string;
}

/** Answers that say the endpoint itself is in trouble (RFC 9110 section 15.6); 501 and 505 are about the request. */
const COUNTED: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/**
 * The worker's half of passive health. Failures in a row are counted over all workers in the shared table, so a
 * success anywhere ends the run; the main thread hears of a run once, when it reaches the pool's limit. A refused
 * connect takes the endpoint out there and then, for all workers: the main thread may be busy.
 *
 * Guarantees: a success costs one plain read while nothing fails; nothing is posted about an endpoint that is out
 * already; codes without blame (a client that left, an idle or stream timeout) neither count nor end a run.
 */
export function createPassiveReporter(clock: Clock, post: (event: PassiveEvent) => void): PassiveReporter {
  const tell = (kind: PassiveEvent['kind'], { slot, address, port }: EndpointState, cause: string): void => {
    post({ kind, slot, address, port, cause });
  };
  const isIn = ({ table, slot }: EndpointState): boolean => (table.flags(slot) & HEALTHY) !== 0;

  const success = (endpoint: EndpointState): void => {
    if (endpoint.table.failures(endpoint.slot) !== 0) endpoint.table.clearFailures(endpoint.slot);
  };

  return {
    success,

    failure(endpoint, code) {
      if (!traitsOf(code).blame) return;
      endpoint.table.countFailedAttempt(endpoint.slot);
      if (code === 'UPSTREAM_CONNECT_REFUSED') {
        if (endpoint.takeOut(clock.now())) tell('refused', endpoint, describe(code));
        return;
      }
      const isTooMany = endpoint.table.countFailure(endpoint.slot);
      if (!isIn(endpoint)) return;
      if (isTooMany) tell('failures', endpoint, describe(code));
      else if (isConnectFailure(code)) tell('connect-failed', endpoint, describe(code));
    },

    errorStatus(endpoint, status) {
      if (!COUNTED.has(status)) {
        success(endpoint);
        return;
      }
      endpoint.table.countFailedAttempt(endpoint.slot);
      if (endpoint.table.countFailure(endpoint.slot) && isIn(endpoint)) {
        tell('failures', endpoint, `HTTP ${status}`);
      }
    },
  };
}

function isConnectFailure(code: ErrorCode): boolean {
  return code === 'UPSTREAM_CONNECT_FAILED' || code === 'UPSTREAM_CONNECT_TIMEOUT';
}

function describe(code: ErrorCode): string {
  return code.toLowerCase().replaceAll('_', ' ');
}
