/** How many results in a row turn a verdict; both at least 1. */
export interface Thresholds {
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
}

/** What an endpoint's active check says so far. */
export interface CheckState {
  readonly verdict:
    /** Never judged: the first pass is enough, whatever the thresholds. */
    'Pending' | 'Passing' | 'Failing';
  /** Results in a row that speak against `verdict`. */
  readonly run: number;
}

export const PENDING: CheckState = { verdict: 'Pending', run: 0 };
export const PASSING: CheckState = { verdict: 'Passing', run: 0 };
export const FAILING: CheckState = { verdict: 'Failing', run: 0 };

/**
 * The rise and fall of one check.
 *
 * | verdict | a pass                                     | a failure                                      |
 * |---------|--------------------------------------------|------------------------------------------------|
 * | Pending | Passing                                    | run + 1; Failing at `unhealthyThreshold`       |
 * | Passing | run = 0                                    | run + 1; Failing at `unhealthyThreshold`       |
 * | Failing | run + 1; Passing at `healthyThreshold`     | run = 0                                        |
 *
 * When the thresholds are edited the state is kept: the next result is the first that the new ones decide.
 */
export function nextCheckState(state: CheckState, passed: boolean, thresholds: Thresholds): CheckState {
  if (state.verdict === 'Pending' && passed) return PASSING;
  if (passed ? state.verdict === 'Passing' : state.verdict === 'Failing')
    return state.run === 0 ? state : { ...state, run: 0 };
  const run = state.run + 1;
  const limit = passed ? thresholds.healthyThreshold : thresholds.unhealthyThreshold;
  if (run < limit) return { verdict: state.verdict, run };
  return passed ? PASSING : FAILING;
}
