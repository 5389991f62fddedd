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
      const verdicts = reports.get(keyOf(backend, endpoint));
      const view = verdicts === undefined ? undefined : consensus(verdicts, counted);
      if (view !== undefined) return { backend, endpoint, ...view };
      const verdict = unreported(endpoint, checked.has(backend));
      return { backend, endpoint, verdict, agree: 0, reported: 0 };
    }),
  );
}

/** Endpoints are met again and again, nearly always as those of one backend. */
const keys = new WeakMap<Endpoint, { readonly backend: string; readonly key: string }>();

function keyOf(backend: string, endpoint: Endpoint): string {
  const known = keys.get(endpoint);
  if (known?.backend === backend) return known.key;
  const key = reportKey(backend, endpoint);
  keys.set(endpoint, { backend, key });
  return key;
}

/** What the largest camp says, in the newest words; undefined when nobody whose word counts has said anything. */
function consensus(
  verdicts: Verdicts,
  counted: ReadonlySet<string>,
): Pick<EndpointView, 'verdict' | 'agree' | 'reported'> | undefined {
  const camps: { verdict: Verdict; agree: number }[] = [];
  let reported = 0;
  for (const [proxy, verdict] of verdicts) {
    if (!counted.has(proxy)) continue;
    reported += 1;
    const camp = camps.find((each) => each.verdict.state === verdict.state);
    if (camp === undefined) camps.push({ verdict, agree: 1 });
    else {
      camp.agree += 1;
      if (verdict.since > camp.verdict.since) camp.verdict = verdict;
    }
  }
  let largest = camps[0];
  for (const camp of camps) if (largest !== undefined && outweighs(camp, largest)) largest = camp;
  return largest === undefined ? undefined : { ...largest, reported };
}

function outweighs(
  a: { readonly verdict: Verdict; readonly agree: number },
  b: { readonly verdict: Verdict; readonly agree: number },
): boolean {
  return a.agree > b.agree || (a.agree === b.agree && severity(a.verdict.state) > severity(b.verdict.state));
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
