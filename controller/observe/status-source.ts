import type { PoolProxyRow, ProxyRow } from '../../api/overview.ts';
import type { LoadBalancerPool } from '../../api/pool.ts';
import type { Clock } from '../../lib/clock.ts';
import type { StatusSource } from '../../lib/status-page/source.ts';
import type { TrafficHistory } from '../../lib/traffic-history.ts';
import type { ControlLoop, KnownPool } from '../loop.ts';
import { endpointRows } from '../status/endpoint-rows.ts';

export interface ControllerStatus {
  readonly loop: ControlLoop;
  readonly traffic: TrafficHistory;
  readonly version: string;
  readonly className: string;
  readonly leading: () => boolean;
  readonly clock: Clock;
}

/** Names of pools that a row has room for. */
const BEHIND = 3;

/** What the status page shows of a controller. One that stands by knows as much as its proxies and the API server say. */
export function controllerSource(options: ControllerStatus): StatusSource {
  const { loop, traffic, version, className, leading, clock } = options;
  const find = ({ metadata }: LoadBalancerPool): KnownPool | undefined => loop.knownPool(metadata.uid);
  return {
    process: () => ({ role: 'controller', version, className, leading: leading() }),
    now: () => clock.wall(),
    pools: () => loop.known().map(({ pool }) => pool),
    endpoints(pool) {
      const known = find(pool);
      if (known?.snapshot === undefined) return [];
      const counted = new Set(
        loop.proxiesOf(pool.metadata.uid).flatMap(({ name, connected }) => (connected ? [name] : [])),
      );
      return endpointRows(known.snapshot, known.reports, counted);
    },
    proxies: () => proxyRows(loop),
    proxiesOf: (pool) => poolProxyRows(loop, find(pool)),
    faults: () => [],
    traffic,
  };
}

function proxyRows(loop: ControlLoop): ProxyRow[] {
  const wanted = loop.known().flatMap(({ snapshot }) => snapshot ?? []);
  return loop.fleet.views().map(({ name, connected, version, node, zone, applied }) => {
    const behind = wanted.filter(({ uid, digest }) => applied.get(uid) !== digest);
    return {
      name,
      connected,
      version,
      node,
      zone,
      applied: wanted.length - behind.length,
      expected: wanted.length,
      behind: behind.slice(0, BEHIND).map(({ namespace, name }) => `${namespace}/${name}`),
    };
  });
}

function poolProxyRows(loop: ControlLoop, known: KnownPool | undefined): PoolProxyRow[] {
  if (known === undefined) return [];
  return loop.proxiesOf(known.pool.metadata.uid).map(({ name, connected, applied = '', refused }) => ({
    name,
    connected,
    digest: applied,
    current: applied !== '' && applied === known.snapshot?.digest,
    refused: refused?.text ?? '',
  }));
}
