import { describe, expect, it } from 'vitest';
import type { LoadBalancerPool } from '../../../api/pool.ts';
import { liveView, ratesOf } from '../../../cli/live-view.ts';

const POOL = {
  metadata: { name: 'shop', namespace: 'n' },
  spec: {
    listeners: [{ name: 'web', protocol: 'HTTP', port: 80 }],
    loadBalancing: { algorithm: 'RoundRobin' },
  },
  status: {
    summary: { healthyText: '1/2', reason: 'EndpointsUnhealthy' },
    endpoints: [
      { backend: 'v1', address: '10.0.0.1', port: 80, state: 'Healthy' },
      {
        backend: 'v1',
        address: '10.0.0.2',
        port: 80,
        state: 'Unhealthy',
        reason: 'ConnectRefused',
        message: 'refused',
      },
    ],
  },
} as unknown as LoadBalancerPool;

function poolNamed(name: string, isTroubled: boolean): LoadBalancerPool {
  const summary = { healthyText: '1/2', reason: isTroubled ? 'EndpointsUnhealthy' : '' };
  const endpoints = isTroubled ? (POOL.status?.endpoints ?? []) : [];
  return { ...POOL, metadata: { ...POOL.metadata, name }, status: { ...POOL.status, summary, endpoints } };
}

describe('ratesOf', () => {
  it('divides what came since the last look by the time between', () => {
    const rates = ratesOf(
      [{ pool: 'n/shop', requests: 10, failed: 1 }],
      [{ pool: 'n/shop', requests: 110, failed: 3 }],
      2,
    );
    expect(rates.get('n/shop')).toEqual({ perSecond: 50, failed: 2 });
  });

  it('starts anew when a counter went back', () => {
    const rates = ratesOf(
      [{ pool: 'n/shop', requests: 100, failed: 9 }],
      [{ pool: 'n/shop', requests: 4, failed: 0 }],
      1,
    );
    expect(rates.get('n/shop')).toEqual({ perSecond: 4, failed: 0 });
  });
});

describe('liveView', () => {
  const size = { rates: new Map(), faults: [], rows: 40, columns: 200, now: 0 };

  it('shows each pool with its rate and the endpoints that are in trouble, not the others', () => {
    const view = liveView([POOL], {
      ...size,
      rates: new Map([['n/shop', { perSecond: 1234.4, failed: 2 }]]),
    });
    expect(view).toMatch(/^n\/shop +HTTP 80 +RoundRobin +1\/2 +1234 +2 +EndpointsUnhealthy$/m);
    expect(view).toContain('10.0.0.2:80');
    expect(view).not.toContain('10.0.0.1:80');
  });

  it('has no columns for rates that nobody knows', () => {
    const view = liveView([POOL], { ...size, rates: undefined });
    expect(view).not.toMatch(/REQUESTS|FAILED/);
    expect(view).toMatch(/^n\/shop +HTTP 80 +RoundRobin +1\/2 +EndpointsUnhealthy$/m);
  });

  it('shows what is wrong with the manifests', () => {
    const fault = 'shop.yaml:3:1: spec.listeners: is required';
    expect(liveView([POOL], { ...size, faults: [fault] })).toContain(fault);
  });

  it('puts what is in trouble first, and says what it has no room for', () => {
    const pools = Array.from({ length: 30 }, (_, index) => poolNamed(`pool-${index + 10}`, index === 20));
    const view = liveView(pools, { ...size, rows: 14 }).split('\n');
    expect(view[1]).toMatch(/^n\/pool-30 .*EndpointsUnhealthy$/);
    expect(view[2]).toMatch(/^n\/pool-10 .*ok$/);
    expect(view).toContainEqual('… and 22 more pools');
    expect(view.at(-1)).toMatch(/^10\.0\.0\.2:80 +Unhealthy +ConnectRefused/);
    expect(view).toHaveLength(13);
  });

  it('leaves out the columns that are least needed when the terminal is narrow', () => {
    const heads = (columns: number): string =>
      liveView([POOL], { ...size, columns, sendTo: () => 'http://127.0.0.1:8080/' })
        .split('\n')[0]!
        .replaceAll(/ +/g, ' ');
    expect(heads(120)).toBe('POOL SEND TO ALGORITHM HEALTHY REQUESTS/S FAILED STATE');
    expect(heads(80)).toBe('POOL SEND TO HEALTHY REQUESTS/S FAILED STATE');
    expect(heads(50)).toBe('POOL HEALTHY REQUESTS/S STATE');
    expect(heads(30)).toBe('POOL HEALTHY STATE');
  });

  // J05
  it('shows names and messages that would move the cursor harmlessly', () => {
    const evil = { ...POOL, metadata: { ...POOL.metadata, name: 'a\u001B[2Jb\rc\u009B1m' } };
    expect(liveView([evil], size)).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  it('never draws more lines or columns than the terminal has', () => {
    const view = liveView(
      Array.from({ length: 50 }, () => POOL),
      { ...size, rows: 10, columns: 20 },
    );
    expect(view.split('\n')).toHaveLength(9);
    expect(Math.max(...view.split('\n').map((line) => line.length))).toBeLessThanOrEqual(20);
  });
});
