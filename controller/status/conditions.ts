import type {
  AcceptedReason,
  AvailableReason,
  ConditionReason,
  ConditionType,
  DegradedReason,
  ProgrammedReason,
  RedundantReason,
  ResolvedRefsReason,
} from '../../api/conditions.ts';
import type { RedundancyStatus } from '../../api/pool.gen.ts';
import type { Problem } from '../../api/problem.ts';
import type { PoolConfig } from '../../api/snapshot.ts';
import { unresolvedOf } from '../../api/unresolved.ts';
import type { EndpointView } from '../report/aggregate.ts';
import { activePriority, type BackendView } from './backends.ts';
import type { ProxyInput, StatusInput } from './input.ts';

/** A condition without its times. */
export interface Finding<Reason extends ConditionReason = ConditionReason> {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: Reason;
  readonly message: string;
}

const MAX_LISTED = 8;
const MAX_MESSAGE = 4_096;

export function accepted({ problems }: StatusInput): Finding<AcceptedReason> {
  const own = problems.filter((problem) => problem.condition === 'Accepted');
  const [first] = own;
  if (first === undefined) return { status: 'True', reason: 'Accepted', message: 'the spec is served' };
  return { status: 'False', reason: first.reason, message: listProblems(own) };
}

export function resolvedRefs({ problems }: StatusInput): Finding<ResolvedRefsReason> {
  const own = problems.filter((problem) => problem.condition === 'ResolvedRefs');
  const [first] = own;
  if (first === undefined) {
    return { status: 'True', reason: 'ResolvedRefs', message: 'all that the spec names was found' };
  }
  return { status: 'False', reason: first.reason, message: listProblems(own) };
}

/**
 * True only when every expected proxy has acknowledged this very content. Once it is, endpoints may change without
 * it flickering: a proxy that is a moment behind still counts, until it has been behind for too long.
 */
export function programmed(input: StatusInput): Finding<ProgrammedReason> {
  const { snapshot, servesThisSpec, proxies, paused } = input;
  if (snapshot === undefined || !servesThisSpec) {
    if (paused && snapshot !== undefined) {
      return no('Paused', 'spec.paused holds back this generation; the one before is served');
    }
    const goesOn = snapshot === undefined ? 'nothing is served' : 'the last accepted spec is served';
    return no('NotAccepted', `this generation cannot be served; ${goesOn}`);
  }
  if (proxies.length === 0) return no('NoProxies', 'no proxy is connected');
  const { digest } = snapshot;
  const rejected = proxies.filter(({ refused }) => refused?.digest === digest);
  if (rejected.length > 0) {
    return no('Rejected', listed(rejected.map(({ name, refused }) => `${name}: ${refused?.text}`)));
  }
  const wasProgrammed = wasTrue(input, 'Programmed');
  const stale = proxies.filter(
    ({ connected, applied, catchingUp = false }) =>
      !connected || (applied !== digest && !(wasProgrammed && catchingUp)),
  );
  if (stale.length > 0) return no('ProxyStale', listed(stale.map(staleness)));
  return {
    status: 'True',
    reason: 'Programmed',
    message: `${proxies.length} of ${proxies.length} proxies have applied it${keptBy(snapshot.config)}`,
  };
}

function keptBy(config: PoolConfig): string {
  const names = unresolvedOf(config);
  return names.length === 0 ? '' : `; of ${listed(names)} they serve what they had before, if anything`;
}

/** It was so when status was last written, for this very generation. */
export function wasTrue({ previous, generation }: StatusInput, type: ConditionType): boolean {
  return (
    previous?.conditions?.some(
      (condition) =>
        condition.type === type && condition.status === 'True' && condition.observedGeneration === generation,
    ) ?? false
  );
}

export function available(
  config: PoolConfig | undefined,
  backends: readonly BackendView[],
  endpoints: readonly EndpointView[],
): Finding<AvailableReason> {
  const used = backends.filter(({ inUse }) => inUse);
  if (config === undefined || used.length === 0) return no('NoEndpoints', 'nothing is served');
  const empty = used.filter(({ total }) => total === 0);
  if (empty.length > 0) return no('NoEndpoints', `no endpoints: ${listed(names(empty))}`);
  if (endpoints.every(({ reported }) => reported === 0)) {
    return { status: 'Unknown', reason: 'HealthUnknown', message: 'no proxy has reported health' };
  }
  const down = used.filter(({ healthy }) => healthy === 0);
  if (down.length === 0) {
    return { status: 'True', reason: 'Available', message: 'every backend has endpoints that take traffic' };
  }
  const message = `no endpoint is healthy: ${listed(names(down))}`;
  const failsOpen = config.failOpen.mode !== 'Never' && used.every(({ healthy }) => healthy === 0);
  if (failsOpen && used.some(({ ready }) => ready > 0)) {
    return no('FailedOpen', `${message}; traffic goes to all that are ready (failOpen)`);
  }
  return no('NoneHealthy', message);
}

export function redundant(
  proxies: readonly ProxyInput[],
  redundancy: RedundancyStatus | undefined,
): Finding<RedundantReason> {
  const serving = proxies.filter(({ connected, applied }) => connected && applied !== undefined);
  if (serving.length > 1 && redundancy?.mode === 'ActivePassive') {
    const { activeProxy = 'none' } = redundancy;
    const standBy = serving.filter(({ name }) => name !== activeProxy).length;
    return { status: 'True', reason: 'Redundant', message: `${activeProxy} is active, ${standBy} stand by` };
  }
  if (serving.length > 1) {
    return { status: 'True', reason: 'Redundant', message: `${serving.length} proxies serve it` };
  }
  const [only] = serving;
  if (only === undefined) return no('NoProxies', 'no proxy serves it');
  return no('SingleProxy', `only ${only.name} serves it`);
}

export function degraded(
  { problems }: StatusInput,
  config: PoolConfig | undefined,
  backends: readonly BackendView[],
  endpoints: readonly EndpointView[],
): Finding<DegradedReason> {
  const found: { reason: DegradedReason; message: string }[] = [];
  const disputed = endpoints.filter(({ agree, reported }) => agree < reported);
  if (disputed.length > 0) {
    const each = disputed.map(
      (view) => `${place(view)} is ${view.verdict.state} to ${view.agree} of ${view.reported}`,
    );
    found.push({ reason: 'ProxiesDisagree', message: `proxies disagree: ${listed(each)}` });
  }
  if (config !== undefined) {
    const { minHealthyPercent } = config.loadBalancing.failover;
    const refs = config.defaultBackendRefs;
    const active = activePriority(refs, backends, minHealthyPercent);
    const first = Math.min(...refs.map(({ priority }) => priority));
    if (active !== undefined && active > first) {
      found.push({
        reason: 'FailedOver',
        message: `priority ${active} takes the traffic of priority ${first}`,
      });
    }
  }
  const sick = endpoints.filter(
    ({ verdict: { state, source } }) => state === 'Unhealthy' && source !== 'Readiness',
  );
  if (sick.length > 0) {
    const each = sick.map((view) => `${place(view)} ${view.verdict.message || view.verdict.reason}`);
    found.push({ reason: 'EndpointsUnhealthy', message: `unhealthy: ${listed(each)}` });
  }
  for (const problem of problems) {
    if (problem.condition !== 'Degraded') continue;
    found.push({ reason: problem.reason, message: `${problem.path}: ${problem.message}` });
  }
  const [worst] = found;
  if (worst === undefined) return no('AsExpected', 'nothing needs attention');
  const message = listed(found.map((each) => each.message));
  return { status: 'True', reason: worst.reason, message };
}

function place({ endpoint: { podName, address, port } }: EndpointView): string {
  const where = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  return podName === undefined ? where : `${podName} (${where})`;
}

function staleness({ name, connected, applied }: ProxyInput): string {
  if (!connected) return `${name} is not connected`;
  return applied === undefined
    ? `${name} has not applied it yet`
    : `${name} still serves ${applied.slice(0, 19)}`;
}

function names(backends: readonly BackendView[]): string[] {
  return backends.map(({ name }) => name);
}

function listProblems(problems: readonly Problem[]): string {
  return listed(problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)));
}

function listed(items: readonly string[]): string {
  const more = items.length - MAX_LISTED;
  const text = items.slice(0, MAX_LISTED).join('; ') + (more > 0 ? `; and ${more} more` : '');
  return text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE - 1)}…`;
}

function no<Reason extends ConditionReason>(reason: Reason, message: string): Finding<Reason> {
  return { status: 'False', reason, message };
}
