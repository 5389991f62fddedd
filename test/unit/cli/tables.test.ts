import { describe, expect, it } from 'vitest';
import type { LoadBalancerPool } from '../../../api/pool.ts';
import { age } from '../../../lib/age.ts';
import { describePool, endpointTable, poolTable } from '../../../cli/tables.ts';

const NOW = Date.UTC(2026, 0, 1, 12);

const POOL = {
  apiVersion: 'evenkeel.dev/v1alpha1',
  kind: 'LoadBalancerPool',
  metadata: {
    name: 'shop',
    namespace: 'n',
    uid: 'u',
    creationTimestamp: '2026-01-01T11:55:00Z',
    generation: 1,
  },
  spec: {
    className: 'default',
    listeners: [{ name: 'web', protocol: 'HTTP', port: 80 }],
    loadBalancing: { algorithm: 'RoundRobin' },
  },
  status: {
    conditions: [
      {
        type: 'Accepted',
        status: 'True',
        reason: 'Accepted',
        lastTransitionTime: '2026-01-01T11:59:53Z',
        message: '',
      },
      {
        type: 'Programmed',
        status: 'False',
        reason: 'ProxyStale',
        lastTransitionTime: '2026-01-01T11:59:53Z',
        message: 'proxy-1',
      },
    ],
    summary: { healthyText: '1/2', addressText: '203.0.113.7', reason: 'ProxyStale: proxy-1' },
    proxies: { text: '2/3' },
    endpoints: [
      {
        address: '2001:db8::1',
        port: 8080,
        backend: 'v1',
        state: 'Unhealthy',
        source: 'Active',
        reason: 'UnexpectedStatus',
        message: 'HTTP 500, wanted 200-299',
        since: '2026-01-01T11:59:00Z',
      },
    ],
  },
} as unknown as LoadBalancerPool;

describe('poolTable', () => {
  it('shows the columns of kubectl get lbp, one line a pool', () => {
    const [head, row, ...rest] = poolTable([POOL], false, NOW).split('\n');
    expect(head?.split(/\s+/)).toEqual(
      'NAMESPACE NAME ALGORITHM ACCEPTED PROGRAMMED AVAILABLE HEALTHY PROXIES AGE'.split(' '),
    );
    expect(row).toMatch(/^n +shop +RoundRobin +True +False +1\/2 +2\/3 +5m$/);
    expect(rest).toEqual([]);
  });

  it('adds address and reason when wide', () => {
    expect(poolTable([POOL], true, NOW)).toMatch(/203\.0\.113\.7 +ProxyStale: proxy-1$/);
  });
});

describe('endpointTable', () => {
  it('says for each endpoint who judged it, why and for how long', () => {
    expect(endpointTable(POOL.status?.endpoints ?? [], NOW)).toMatch(
      /v1 +\[2001:db8::1\]:8080 +Unhealthy +Active +UnexpectedStatus +60s +HTTP 500, wanted 200-299$/,
    );
  });
});

describe('describePool', () => {
  it('tells conditions with their reasons and the endpoints', () => {
    const text = describePool(POOL, NOW);
    expect(text).toMatch(/^Name: +shop$/m);
    expect(text).toMatch(/^Programmed +False +ProxyStale +7s +proxy-1$/m);
    expect(text).toContain('HTTP 500, wanted 200-299');
  });
});

describe('age', () => {
  it.each([
    [0, '0s'],
    [119_000, '119s'],
    [125_000, '2m5s'],
    [600_000, '10m'],
    [3 * 3_600_000 + 12 * 60_000, '3h12m'],
    [49 * 3_600_000, '2d'],
    [Number.NaN, ''],
  ])('writes %d ms as %s', (ms, text) => {
    expect(age(ms)).toBe(text);
  });
});
