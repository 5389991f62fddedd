import type { EndpointReport, Verdict } from '../../api/health.ts';
import type { ActiveCheck, BackendTLS, Endpoint, PoolSnapshot } from '../../api/snapshot.ts';
import type { EndpointHealth } from './endpoint-health.ts';
import type { EndpointWatch } from './endpoint-watch.ts';
import type { ProbeSpec } from './probe.ts';

/** A pool as the monitor holds it. */
export interface MonitoredPool {
  snapshot: PoolSnapshot;
  readonly upstreams: Map<string, MonitoredUpstream>;
}

export interface MonitoredUpstream {
  readonly pool: MonitoredPool;
  readonly name: string;
  readonly slot: number;
  check: ActiveCheck | undefined;
  /** How it is spoken to. */
  tls: BackendTLS | undefined;
  /** The check as probes know it. */
  spec: ProbeSpec | undefined;
  /** Our own probe (reachability.ts). */
  reach: ProbeSpec;
  members: Member[];
  /** Members that are ejected, or would be but for the cap. */
  outliers: number;
}

/** An endpoint and what the monitor holds for it. */
export interface Member {
  readonly upstream: MonitoredUpstream;
  readonly slot: number;
  readonly health: EndpointHealth;
  readonly checkWatch: EndpointWatch;
  readonly reachWatch: EndpointWatch;
  verdict: Verdict;
  flags: number;
  /** Monotonic milliseconds since which it takes traffic. */
  eligibleSince: number | undefined;
  /** Cancels the timer of its ejection's end. */
  endEjection: (() => void) | undefined;
  /** The last `update` that named it. */
  seen: number;
  /** As it was reported last, and of which word of its resource. */
  reported: { readonly endpoint: Endpoint; readonly report: EndpointReport } | undefined;
}

/** The same object for as long as nothing about it changes. */
export function reportOf(member: Member): EndpointReport {
  const { reported, health, verdict } = member;
  if (reported?.endpoint === health.endpoint && reported.report.verdict === verdict) return reported.report;
  const report = makeReport(member);
  member.reported = { endpoint: health.endpoint, report };
  return report;
}

function makeReport({ upstream, health, verdict }: Member): EndpointReport {
  const { address, port, targetUid, podName, zone } = health.endpoint;
  return {
    backend: upstream.name,
    address,
    port,
    targetUid,
    ...(podName !== undefined && { podName }),
    ...(zone !== undefined && { zone }),
    verdict,
  };
}

/** Whether a snapshot's endpoint is this one; weight, names and condition are no part of an identity. */
export function isSameEndpoint({ health }: Member, endpoint: Endpoint): boolean {
  const own = health.endpoint;
  if (own === endpoint) return true;
  return (
    own.address === endpoint.address && own.port === endpoint.port && own.targetUid === endpoint.targetUid
  );
}

/** `namespace/name`. */
export function poolName({ namespace, name }: PoolSnapshot): string {
  return `${namespace}/${name}`;
}
