import type { ConditionType } from '../../api/conditions.ts';
import type { EndpointState, VerdictSource } from '../../api/health.ts';
import type {
  EndpointStatus,
  PoolAddress,
  PoolCondition,
  PoolStatus,
  PoolSummary,
} from '../../api/pool.gen.ts';
import { aggregate, severity, type EndpointView } from '../report/aggregate.ts';
import { backendStatuses, viewBackends, type BackendView } from './backends.ts';
import {
  accepted,
  available,
  degraded,
  programmed,
  redundant,
  resolvedRefs,
  type Finding,
} from './conditions.ts';
import type { StatusInput } from './input.ts';

const MAX_ENDPOINTS = 64;
const SOURCES: readonly VerdictSource[] = ['Readiness', 'Active', 'Passive', 'Override'];

/**
 * A pool's status, whole: every list is there, also an empty one, because it is written by server-side apply.
 * The same for a pool on a cluster and for one that standalone serves.
 */
export function computeStatus(input: StatusInput): PoolStatus {
  const { snapshot, proxies, generation } = input;
  const counted = new Set(proxies.flatMap(({ name, connected }) => (connected ? [name] : [])));
  const endpoints = snapshot === undefined ? [] : aggregate(snapshot, input.reports, counted);
  const backends = snapshot === undefined ? [] : viewBackends(snapshot.config, endpoints);
  const findings: Record<ConditionType, Finding> = {
    Accepted: accepted(input),
    ResolvedRefs: resolvedRefs(input),
    Programmed: programmed(input),
    Available: available(snapshot?.config, backends, endpoints),
    Redundant: redundant(proxies, input.redundancy),
    Degraded: degraded(input, snapshot?.config, backends, endpoints),
  };
  const applied = proxies.filter((proxy) => proxy.connected && proxy.applied === snapshot?.digest).length;
  const lastError = proxies.find(({ refused }) => refused !== undefined);
  return {
    observedGeneration: generation,
    conditions: Object.entries(findings).map(([type, finding]) => condition(type, finding, input)),
    addresses: [...input.addresses],
    summary: summary(endpoints, { backends, findings, addresses: input.addresses }),
    backends: snapshot === undefined ? [] : backendStatuses(snapshot.config, backends),
    endpoints: endpointStatuses(endpoints),
    endpointsTruncated: endpoints.length > MAX_ENDPOINTS,
    staleOverrides: [...input.staleOverrides],
    proxies: {
      expected: proxies.length,
      connected: counted.size,
      applied,
      text: `${applied}/${proxies.length}`,
    },
    ...(input.redundancy === undefined ? {} : { redundancy: input.redundancy }),
    config: {
      digest: snapshot?.digest ?? '',
      lastError:
        lastError === undefined ? '' : `${lastError.name}: ${lastError.refused?.text}`.slice(0, 1_024),
    },
  };
}

function condition(
  type: string,
  finding: Finding,
  { previous, generation, now }: StatusInput,
): PoolCondition {
  const before = previous?.conditions?.find((each) => each.type === type);
  return {
    type,
    ...finding,
    observedGeneration: generation,
    lastTransitionTime: before?.status === finding.status ? before.lastTransitionTime : time(now),
  };
}

function summary(
  endpoints: readonly EndpointView[],
  {
    backends,
    findings,
    addresses,
  }: {
    readonly backends: readonly BackendView[];
    readonly findings: Readonly<Record<ConditionType, Finding>>;
    readonly addresses: readonly PoolAddress[];
  },
): PoolSummary {
  const counts = new Map<string, number>();
  for (const { verdict } of endpoints) counts.set(verdict.state, (counts.get(verdict.state) ?? 0) + 1);
  const count = (state: EndpointState): number => counts.get(state) ?? 0;
  const healthy = count('Healthy');
  const trouble = Object.entries(findings).find(([type, { status }]) =>
    type === 'Degraded' ? status === 'True' : status !== 'True',
  );
  return {
    total: endpoints.length,
    ready: backends.reduce((sum, { ready }) => sum + ready, 0),
    healthy,
    unhealthy: count('Unhealthy'),
    draining: count('Draining'),
    excluded: count('Excluded'),
    healthyText: `${healthy}/${endpoints.length}`,
    addressText: addresses
      .slice(0, 3)
      .map(({ value }) => value)
      .join(',')
      .slice(0, 256),
    reason: trouble?.[1].reason ?? '',
  };
}

/** Those in trouble first; among equals the snapshot's order. */
function endpointStatuses(endpoints: readonly EndpointView[]): EndpointStatus[] {
  return endpoints
    .toSorted((a, b) => severity(b.verdict.state) - severity(a.verdict.state))
    .slice(0, MAX_ENDPOINTS)
    .map(endpointStatus);
}

function endpointStatus({ backend, endpoint, verdict, agree, reported }: EndpointView): EndpointStatus {
  const { address, port, podName, zone, nodeName } = endpoint;
  const { reason, message, since } = verdict;
  // What the definition has no word for would cost the pool its whole status.
  const state = severity(verdict.state) < 0 ? 'Unhealthy' : verdict.state;
  const source = SOURCES.find((known) => known === verdict.source);
  return {
    address,
    port,
    ...(podName === undefined ? {} : { podName }),
    backend,
    ...(zone === undefined ? {} : { zone }),
    ...(nodeName === undefined ? {} : { nodeName }),
    state,
    ...(source === undefined ? {} : { source }),
    reason: reason.slice(0, 64),
    message: message.slice(0, 256),
    ...(since === 0 ? {} : { since: time(since) }),
    seenBy: `${agree}/${reported}`,
  };
}

/** `metav1.Time`: whole seconds. */
function time(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
