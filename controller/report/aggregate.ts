import type { EndpointState, Verdict } from '../../api/health.ts';
import type { Endpoint, PoolSnapshot } from '../../api/snapshot.ts';
import { reportKey, type PoolReports, type Verdicts } from './health-reports.ts';

/** One endpoint as the proxies see it together. */
export interface EndpointView {
  readonly backend: string;
  readonly endpoint: Endpoint;
  /** The majority's; of two equal camps, that of those who see trouble. */
  readonly verdict: Verdict;
  /** Proxies that see it so, and that said anything at all. */
  readonly agree: number;
  readonly reported: number;
}

/** From the least to the most in need of attention. */
const STATES: readonly EndpointState[] = ['Healthy', 'Draining', 'Excluded', 'Unhealthy'];

export function severity(state: EndpointState): number {
  return STATES.indexOf(state);
}

/**
 * Every endpoint of the snapshot, in its order. Where no proxy has spoken, what the resource says.
 * @param counted proxies whose word counts
 */
export function aggregate(
  snapshot: PoolSnapshot,
  reports: PoolReports,
  counted: ReadonlySet<string>,
): EndpointView[] {
  const checked = new Set(
    snapshot.config.backends.flatMap(({ name, healthCheck }) =>
      healthCheck?.initialState === 'Unhealthy' ? [name] : [],
    ),
  );
  return Object.entries(snapshot.endpoints).flatMap(([backend, endpoints]) =>
    endpoints.map((endpoint): EndpointView => {
      const verdicts = counting(reports.get(reportKey(backend, endpoint)), counted);
      if (verdicts.length === 0) {
        const verdict = unreported(endpoint, checked.has(backend));
        return { backend, endpoint, verdict, agree: 0, reported: 0 };
      }
      const camp = majority(verdicts);
      const verdict = camp.reduce((newest, next) => (next.since > newest.since ? next : newest));
      return { backend, endpoint, verdict, agree: camp.length, reported: verdicts.length };
    }),
  );
}

function counting(verdicts: Verdicts | undefined, counted: ReadonlySet<string>): Verdict[] {
  if (verdicts === undefined) return [];
  return [...verdicts].flatMap(([proxy, verdict]) => (counted.has(proxy) ? [verdict] : []));
}

function majority(verdicts: readonly Verdict[]): Verdict[] {
  let largest: Verdict[] = [];
  for (const state of STATES) {
    const camp = verdicts.filter((verdict) => verdict.state === state);
    if (camp.length >= largest.length && camp.length > 0) largest = camp;
  }
  return largest.length > 0 ? largest : [...verdicts];
}

function unreported({ condition, override }: Endpoint, isChecked: boolean): Verdict {
  if (override !== undefined) {
    const state = override === 'Drain' ? 'Draining' : 'Excluded';
    return { state, source: 'Override', reason: override, message: '', since: 0 };
  }
  if (condition === 'NotReady') return readiness('Unhealthy', 'NotReady');
  if (condition === 'Terminating') return readiness('Draining', 'Terminating');
  if (!isChecked) return readiness('Healthy', 'Ready');
  const message = 'no proxy has reported a check yet';
  return { state: 'Unhealthy', source: 'Active', reason: 'FirstCheckPending', message, since: 0 };
}

function readiness(state: EndpointState, reason: Verdict['reason']): Verdict {
  return { state, source: 'Readiness', reason, message: '', since: 0 };
}
