import type { EndpointRow, PoolProxyRow } from '../api/overview.ts';
import type { LoadBalancerPool } from '../api/pool.ts';
import { endpointRows } from '../controller/status/endpoint-rows.ts';
import type { Clock } from '../lib/clock.ts';
import type { StatusSource } from '../lib/status-page/source.ts';
import type { TrafficHistory } from '../lib/traffic-history.ts';
import { diagnosticLine } from './manifests.ts';
import { PROXY, reportsOf } from './pool-status.ts';
import type { Standalone, StandalonePool } from './standalone.ts';
import type { StatusBook } from './status-book.ts';

export interface StandaloneStatus {
  readonly standalone: Standalone;
  readonly status: StatusBook;
  readonly traffic: TrafficHistory;
  readonly version: string;
  readonly clock: Clock;
}

const COUNTED: ReadonlySet<string> = new Set([PROXY]);

/** What the status page shows of a standalone process: the one proxy is this process. */
export function standaloneSource(options: StandaloneStatus): StatusSource {
  const { standalone, status, traffic, version, clock } = options;
  const entryOf = (pool: LoadBalancerPool): StandalonePool | undefined => standalone.pool(pool.metadata.uid);
  return {
    process: () => ({ role: 'standalone', version }),
    now: () => clock.wall(),
    pools: () => status.pools(standalone.pools),
    endpoints(pool): EndpointRow[] {
      const entry = entryOf(pool);
      return entry?.snapshot === undefined ? [] : endpointRows(entry.snapshot, reportsOf(entry), COUNTED);
    },
    proxies() {
      const wanted = standalone.pools.filter(({ snapshot }) => snapshot !== undefined);
      const behind = wanted.filter(({ snapshot, serving }) => serving !== snapshot?.digest);
      return [
        {
          name: PROXY,
          connected: true,
          version,
          node: '',
          zone: '',
          applied: wanted.length - behind.length,
          expected: wanted.length,
          behind: behind.slice(0, 3).map(({ pool }) => `${pool.metadata.namespace}/${pool.metadata.name}`),
        },
      ];
    },
    proxiesOf(pool): PoolProxyRow[] {
      const { serving = '', snapshot, refused = [] } = entryOf(pool) ?? {};
      return [
        {
          name: PROXY,
          connected: true,
          digest: serving,
          current: serving === snapshot?.digest,
          refused: refused.map(({ path, message }) => `${path}: ${message}`).join('; '),
        },
      ];
    },
    faults: () => standalone.diagnostics.map(diagnosticLine),
    traffic,
  };
}
