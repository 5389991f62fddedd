import type { EndpointState, VerdictReason, VerdictSource } from '../../api/health.ts';
import type { EndpointCondition } from '../../api/snapshot.ts';
import { DRAINING, EXCLUDED, HEALTHY, READY, UNREACHABLE } from '../state/shared-table.ts';

/** One reason for something, as it is shown. */
export interface Finding {
  readonly source: VerdictSource;
  readonly reason: VerdictReason;
  /** One line, no control characters, at most 256 characters. */
  readonly message: string;
}

/** Everything that is known about one endpoint, each from its own source. */
export interface Facts {
  readonly condition: EndpointCondition;
  /** A person's hand on it. */
  readonly override?: 'Drain' | 'Exclude' | undefined;
  /** Drained by command. */
  readonly drained: boolean;
  /** Connections to it do not come about. */
  readonly unreachable?: Finding | undefined;
  /** Its requests fail. */
  readonly ejected?: Finding | undefined;
  /** Its check fails, or has not passed yet. */
  readonly failing?: Finding | undefined;
  /** Why it is well, when there is more to say than that nothing is wrong. */
  readonly well?: Finding | undefined;
}

export interface Judgement extends Finding {
  readonly state: EndpointState;
  /** For the shared table. */
  readonly flags: number;
}

/**
 * The one place where everything that is known about an endpoint becomes one verdict. The first row that holds is
 * the state and the reason that people see:
 *
 * | fact                                | state     | source         | may take                                   |
 * |-------------------------------------|-----------|----------------|--------------------------------------------|
 * | override Exclude                    | Excluded  | Override       | nothing                                    |
 * | condition NotReady                  | Unhealthy | Readiness      | nothing, not even when the pool fails open |
 * | override Drain, or drain by command | Draining  | Override       | bound sessions, while it is well           |
 * | condition Terminating               | Draining  | Readiness      | bound sessions, while it is well           |
 * | unreachable                         | Unhealthy | Passive/Active | what a pool that fails open sends          |
 * | ejected                             | Unhealthy | Passive        | what a pool that fails open sends          |
 * | check failing or pending            | Unhealthy | Active/Passive | what a pool that fails open sends          |
 * | nothing                             | Healthy   |                | everything                                 |
 *
 * So a bad word from any source takes an endpoint out, and traffic that fails outweighs a check that passes. That
 * traffic succeeds is no word: an endpoint whose check fails is out, as its check asks for.
 *
 * The flags keep the sources apart, because balancing asks more than one question: READY is the condition's word,
 * HEALTHY says that nothing is wrong with the endpoint itself, DRAINING and EXCLUDED are what they say. UNREACHABLE is
 * for requests that are there already: nothing more is to be expected of it.
 */
export function judge(facts: Facts): Judgement {
  const trouble = facts.unreachable ?? facts.ejected ?? facts.failing;
  const ready = facts.condition !== 'NotReady';
  const drain = facts.drained || facts.override === 'Drain';
  const flags =
    (facts.condition === 'Ready' ? READY : 0) |
    (ready && trouble === undefined ? HEALTHY : 0) |
    (ready && (drain || facts.condition === 'Terminating') ? DRAINING : 0) |
    (facts.override === 'Exclude' ? EXCLUDED : 0) |
    (facts.condition === 'Ready' && trouble?.reason === 'ConnectTimeout' ? UNREACHABLE : 0);

  if (facts.override === 'Exclude') return { state: 'Excluded', flags, ...EXCLUDE };
  if (!ready) return { state: 'Unhealthy', flags, ...NOT_READY };
  if (drain) return { state: 'Draining', flags, ...also(facts.drained ? DRAIN_COMMAND : DRAIN, trouble) };
  if (facts.condition === 'Terminating') return { state: 'Draining', flags, ...also(TERMINATING, trouble) };
  if (trouble !== undefined) return { state: 'Unhealthy', flags, ...trouble };
  return { state: 'Healthy', flags, ...(facts.well ?? WELL) };
}

const EXCLUDE: Finding = { source: 'Override', reason: 'Exclude', message: 'excluded by endpointOverrides' };
const NOT_READY: Finding = { source: 'Readiness', reason: 'NotReady', message: 'not ready' };
const DRAIN: Finding = { source: 'Override', reason: 'Drain', message: 'drained by endpointOverrides' };
const DRAIN_COMMAND: Finding = { source: 'Override', reason: 'Drain', message: 'drained by command' };
const TERMINATING: Finding = { source: 'Readiness', reason: 'Terminating', message: 'terminating' };
const WELL: Finding = { source: 'Readiness', reason: 'Ready', message: 'ready' };

function also(finding: Finding, trouble: Finding | undefined): Finding {
  if (trouble === undefined) return finding;
  return { ...finding, message: `${finding.message}; ${trouble.message}`.slice(0, 256) };
}
