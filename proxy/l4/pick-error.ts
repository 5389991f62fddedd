import type { PickFailure } from '../balancer/picker.ts';
import type { ErrorCode } from '../errors.ts';

type Unserved = PickFailure | 'queue-full' | 'queue-timeout';

const CODES = {
  'no-endpoints': 'NO_ENDPOINTS',
  'none-eligible': 'NO_ELIGIBLE_ENDPOINT',
  'no-weight': 'NO_ELIGIBLE_ENDPOINT',
  'all-full': 'ALL_ENDPOINTS_FULL',
  'queue-full': 'ALL_ENDPOINTS_FULL',
  'queue-timeout': 'QUEUE_TIMEOUT',
} as const satisfies Record<Unserved, ErrorCode>;

/** What it is called when no endpoint could be had. */
export function pickErrorCode(failure: Unserved): ErrorCode {
  return CODES[failure];
}
