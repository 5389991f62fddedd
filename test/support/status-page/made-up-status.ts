import type { EndpointState } from '../../../api/health.ts';
import type { EndpointRow, ProxyRow } from '../../../api/overview.ts';
import type { LoadBalancerPool } from '../../../api/pool.ts';
import type { StatusSource } from '../../../lib/status-page/source.ts';
import { TrafficHistory } from '../../../lib/traffic-history.ts';
import { poolOf } from '../pools.ts';

/** When a made-up process lives; milliseconds since the epoch. */
export const MADE_UP_NOW = Date.parse('2026-03-01T12:00:00Z');

export interface MadeUpPool {
  readonly name: string;
  /** State of each endpoint; unhealthy ones are said to refuse connections unless `reason` says otherwise. */
  readonly states: readonly EndpointState[];
  /** What needs attention; absent: nothing. */
  readonly trouble?: string;
  readonly message?: string;
  readonly reason?: string;
}

export interface MadeUpStatus {
  readonly pools: readonly MadeUpPool[];
  readonly proxies?: readonly ProxyRow[];
  readonly faults?: readonly string[];
  readonly traffic?: TrafficHistory;
}

/** What the status page would show of a controller with these pools; change `status` and it shows that. */
export function madeUpStatus(status: { now: MadeUpStatus }): StatusSource {
  const traffic = status.now.traffic ?? new TrafficHistory();
  return {
    process: () => ({ role: 'controller', version: '1.2.3', className: 'default', leading: true }),
    now: () => MADE_UP_NOW,
    pools: () => status.now.pools.map(withStatus),
    endpoints: ({ metadata }) => {
      const pool = status.now.pools.find(({ name }) => name === metadata.name);
      return pool === undefined ? [] : endpointsOf(pool);
    },
    proxies: () => status.now.proxies ?? [],
    proxiesOf: () =>
      (status.now.proxies ?? []).map(({ name, connected, applied, expected }) => ({
        name,
        connected,
        digest: `sha256:${'0123456789abcdef'.repeat(4)}`,
        current: applied === expected,
        refused: '',
      })),
    faults: () => status.now.faults ?? [],
    traffic,
  };
}

export function madeUpProxy(name: string, over: Partial<ProxyRow> = {}): ProxyRow {
  return {
    name,
    connected: true,
    version: '1.2.3',
    node: 'node-1',
    zone: 'zone-a',
    applied: 10,
    expected: 10,
    behind: [],
    ...over,
  };
}

/** Ten minutes of traffic that swells and ebbs, with failures in the last of them. */
export function madeUpTraffic(pools: readonly string[], failing = true): TrafficHistory {
  const history = new TrafficHistory();
  const totals = pools.map((name) => ({ pool: `shop/${name}`, requests: 0, failed: 0 }));
  for (let sample = 0; sample <= 300; sample++) {
    totals.forEach((total, index) => {
      const perSecond = 120 + 80 * Math.sin(sample / 30 + index) + 20 * Math.sin(sample / 3);
      total.requests += Math.max(0, 2 * perSecond);
      if (failing && sample > 270 && index % 3 === 0) total.failed += perSecond / 3;
    });
    history.record(
      totals.map((total) => ({ ...total })),
      sample * 2_000,
    );
  }
  return history;
}

function withStatus({ name, states, trouble = '', message = '' }: MadeUpPool): LoadBalancerPool {
  const pool = poolOf({
    listeners: [{ name: 'web', protocol: 'HTTP', port: 8080 }],
    backends: [{ name: 'v1', type: 'Service', service: { name: 'shop', port: 'http' } }],
    defaultBackendRefs: [{ name: 'v1' }],
  });
  const count = (state: EndpointState): number => states.filter((each) => each === state).length;
  const lastTransitionTime = new Date(MADE_UP_NOW - 95_000).toISOString();
  const condition = (type: string, status: string, reason: string) => ({
    type,
    status,
    reason,
    message: status === 'True' ? '' : message,
    observedGeneration: 1,
    lastTransitionTime,
  });
  return {
    ...pool,
    // Not checked: also what no API server would take.
    metadata: { ...pool.metadata, name, uid: name },
    status: {
      observedGeneration: 1,
      conditions: [
        condition('Accepted', 'True', 'Accepted'),
        condition('ResolvedRefs', 'True', 'ResolvedRefs'),
        condition('Programmed', 'True', 'Programmed'),
        trouble === ''
          ? condition('Available', 'True', 'Available')
          : condition('Available', 'False', trouble),
        condition('Redundant', 'True', 'Redundant'),
      ] as NonNullable<LoadBalancerPool['status']>['conditions'] & object,
      addresses: [{ type: 'IPAddress', value: '203.0.113.7' }],
      summary: {
        total: states.length,
        ready: states.length,
        healthy: count('Healthy'),
        unhealthy: count('Unhealthy'),
        draining: count('Draining'),
        excluded: count('Excluded'),
        healthyText: `${count('Healthy')}/${states.length}`,
        reason: trouble,
      },
      backends: [
        { name: 'v1', total: states.length, healthy: count('Healthy'), effectiveWeightPercent: 100 },
      ],
      proxies: { expected: 2, connected: 2, applied: 2, text: '2/2' },
      config: { digest: `sha256:${'0123456789abcdef'.repeat(4)}`, lastError: '' },
    },
  };
}

function endpointsOf({ name, states, message = 'connect ECONNREFUSED', reason }: MadeUpPool): EndpointRow[] {
  return states.map((state, index) => ({
    pool: `shop/${name}`,
    backend: 'v1',
    endpoint: `10.1.${index >> 8}.${index & 255}:8080`,
    pod: `${name}-6d9f-${index}`,
    zone: 'zone-a',
    state,
    source: state === 'Unhealthy' ? 'Active' : 'Readiness',
    reason: state === 'Unhealthy' ? (reason ?? 'ConnectRefused') : state === 'Healthy' ? 'Ready' : 'Drain',
    message: state === 'Unhealthy' ? message : '',
    since: MADE_UP_NOW - 1_000 * (index + 1),
    seenBy: '2/2',
  }));
}
