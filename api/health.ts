/**
 * The words for an endpoint's health, the same in the proxy's verdicts, its logs and metrics, the control
 * stream and the resource's `status.endpoints`.
 */

export type EndpointState =
  /** Takes traffic. */
  | 'Healthy'
  /** Takes nothing until it passes. */
  | 'Unhealthy'
  /** Keeps what it has, takes nothing new. */
  | 'Draining'
  /** Taken out by a person. */
  | 'Excluded';

/** Who says so. */
export type VerdictSource =
  /** The endpoint's resource: readiness, termination. */
  | 'Readiness'
  /** A probe. */
  | 'Active'
  /** What requests and connections met. */
  | 'Passive'
  /** `spec.endpointOverrides`, or a drain by command. */
  | 'Override';

export type VerdictReason =
  | 'Ready'
  | 'NotReady'
  | 'Terminating'
  | 'Drain'
  | 'Exclude'
  /** A check is configured with `initialState: Unhealthy` and has not passed yet. */
  | 'FirstCheckPending'
  | 'CheckPassed'
  | 'ConnectRefused'
  | 'ConnectTimeout'
  | 'ConnectFailed'
  | 'Timeout'
  | 'UnexpectedStatus'
  | 'UnexpectedBody'
  | 'UnexpectedReply'
  | 'ProtocolError'
  | 'TLSFailed'
  | 'ConsecutiveFailures'
  | 'EjectionOver';

export interface Verdict {
  readonly state: EndpointState;
  readonly source: VerdictSource;
  readonly reason: VerdictReason;
  /** For a person; one line, no control characters, at most 256 characters. */
  readonly message: string;
  /** Milliseconds since the epoch at which `state` began. */
  readonly since: number;
}

/** One endpoint as one proxy sees it: what admin endpoints show and the control stream reports. */
export interface EndpointReport {
  readonly backend: string;
  readonly address: string;
  readonly port: number;
  readonly targetUid: string;
  readonly podName?: string;
  readonly zone?: string;
  readonly verdict: Verdict;
}
