import type { EndpointRow } from '../../api/overview.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import { hostPort } from '../../lib/host-port.ts';
import { aggregate } from '../report/aggregate.ts';
import type { PoolReports } from '../report/health-reports.ts';

/**
 * Every endpoint of a snapshot for the status page.
 * @param counted proxies whose word counts
 */
export function endpointRows(
  snapshot: PoolSnapshot,
  reports: PoolReports,
  counted: ReadonlySet<string>,
): EndpointRow[] {
  const pool = `${snapshot.namespace}/${snapshot.name}`;
  return aggregate(snapshot, reports, counted).map(({ backend, endpoint, verdict, agree, reported }) => ({
    pool,
    backend,
    endpoint: hostPort(endpoint.address, endpoint.port),
    pod: endpoint.podName ?? '',
    zone: endpoint.zone ?? '',
    state: verdict.state,
    source: verdict.source,
    reason: verdict.reason,
    message: verdict.message,
    since: verdict.since,
    seenBy: `${agree}/${reported}`,
  }));
}
