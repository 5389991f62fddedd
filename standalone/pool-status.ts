import type { PoolAddress, PoolStatus } from '../api/pool.gen.ts';
import type { LoadBalancerPool } from '../api/pool.ts';
import { reportKey, type PoolReports } from '../controller/report/health-reports.ts';
import { computeStatus } from '../controller/status/compute-status.ts';
import type { StandalonePool } from './standalone.ts';

/** The one proxy there is. */
export const PROXY = 'standalone';

/** The pool with the status that it would have in a cluster whose only proxy is this process. */
export function withStatus(
  entry: StandalonePool,
  context: { readonly bindAddress: string; readonly now: number; readonly previous: PoolStatus | undefined },
): LoadBalancerPool {
  const { pool, resolution, snapshot, serving, refused } = entry;
  const { previous, now } = context;
  const status = computeStatus({
    generation: pool.metadata.generation,
    paused: pool.spec.paused,
    problems: resolution.problems,
    servesThisSpec: resolution.served === pool.spec,
    staleOverrides: resolution.staleOverrides,
    proxies: [
      {
        name: PROXY,
        connected: true,
        ...(serving === undefined ? {} : { applied: serving }),
        ...(refused.length === 0
          ? {}
          : {
              refused: {
                digest: snapshot?.digest ?? '',
                text: refused.map(({ path, message }) => `${path}: ${message}`).join('; '),
              },
            }),
      },
    ],
    reports: reportsOf(entry),
    addresses: addressesOf(pool, context.bindAddress),
    now,
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(previous === undefined ? {} : { previous }),
  });
  // That there is no second proxy is what standalone means; what else is wrong counts.
  const trouble = status.conditions?.find(
    ({ type, status }) => type !== 'Redundant' && status !== (type === 'Degraded' ? 'False' : 'True'),
  );
  const summary = { ...status.summary, reason: trouble?.reason ?? '' };
  return { ...pool, status: { ...status, summary } };
}

/** What that proxy says of its endpoints. */
export function reportsOf({ reports }: StandalonePool): PoolReports {
  return new Map(
    reports.map((report) => [reportKey(report.backend, report), new Map([[PROXY, report.verdict]])]),
  );
}

function addressesOf({ spec }: LoadBalancerPool, bindAddress: string): PoolAddress[] {
  const addresses = new Set(spec.listeners.map(({ address }) => address ?? bindAddress));
  return [...addresses].map((value) => ({ type: 'IPAddress', value }));
}
