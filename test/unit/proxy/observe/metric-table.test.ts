import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { CONTROLLER_METRICS } from '../../../../controller/observe/metric-table.ts';
import { controllerMetrics } from '../../../../controller/observe/metrics.ts';
import type { MetricSpec } from '../../../../lib/metric-spec.ts';
import { PROXY_METRICS } from '../../../../proxy/observe/metric-table.ts';
import { ProxyMetrics } from '../../../../proxy/observe/metrics.ts';
import { TrafficMeter } from '../../../../proxy/observe/traffic-meter.ts';
import type { TrafficRecord } from '../../../../proxy/observe/traffic-record.ts';

const SPECS: readonly MetricSpec[] = [
  ...Object.values<MetricSpec>(PROXY_METRICS),
  ...Object.values<MetricSpec>(CONTROLLER_METRICS),
];

function record(meter: TrafficRecord['meter']): TrafficRecord {
  return {
    meter,
    endpoint: undefined,
    attempts: 2,
    status: 502,
    error: 'UPSTREAM_RESET',
    reason: '',
    durationMs: 3,
    firstByteMs: 0,
    bytesIn: 1,
    bytesOut: 2,
    protocol: 'HTTP/2',
    method: 'GET',
    host: 'x',
    path: '/',
    clientAddress: '127.0.0.1',
    requestId: 'r',
    upstreamProtocol: 'HTTP/2',
    grpcStatus: 14,
    tlsVersion: '',
    serverName: '',
  };
}

describe('the table of metrics', () => {
  it.each(SPECS.map((spec) => [spec.name, spec] as const))('%s is named as Prometheus asks', (name, spec) => {
    expect(name).toMatch(/^evenkeel_[a-z]+(_[a-z]+)*$/);
    expect(name.endsWith('_total')).toBe(spec.type === 'counter');
    expect(spec.type !== 'histogram' || /_(seconds|bytes)$/.test(name)).toBe(true);
    expect(spec.help).toMatch(/\.$/);
  });

  it('has no name twice', () => {
    expect(new Set(SPECS.map(({ name }) => name)).size).toBe(SPECS.length);
  });

  it('is exactly what a proxy exports, with exactly these labels', async () => {
    const meter = new TrafficMeter();
    meter.record(record(meter.route('n/shop', 'api')));
    meter.record(record(undefined));
    meter.handshake('TLSv1.3', false);
    meter.handshakeFailed('timeout');
    const own = new ProxyMetrics(
      () => [{ pool: 'n/shop', backend: 'v1', state: 'Healthy', count: 1 }],
      () => ({
        samples: [
          { pool: 'n/shop', backend: 'v1', endpoint: '10.1.2.3:80', ended: 7, failed: 2, inFlight: 1 },
        ],
        left: 3,
      }),
      () => [{ pool: 'n/shop', listener: 'web', secret: 'shop', notAfter: 1_000 }],
    );
    own.countReplacedWorker('crash');
    own.control = { connected: 2, epoch: 7, staleSeconds: () => 0 };
    own.redundancy = { active: true, takeovers: new Map([['Released', 1]]), lastTakeover: 1 };
    own.countTransition({
      pool: 'n/shop',
      poolUid: 'u',
      report: {
        backend: 'v1',
        address: '10.0.0.1',
        port: 80,
        targetUid: 't',
        verdict: { state: 'Unhealthy', source: 'Active', reason: 'Timeout', message: '', since: 0 },
      },
    } as Parameters<typeof own.countTransition>[0]);
    const { body } = await own.page([meter.collect()], 'prometheus');
    const exported = new Map<string, Set<string>>();
    for (const line of body.split('\n')) {
      const [, name = '', labels = ''] = /^([a-z_]+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? /.exec(line) ?? [];
      if (name === '') continue;
      const names = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label!);
      const known = exported.get(name) ?? new Set();
      for (const label of names) if (label !== 'le') known.add(label);
      exported.set(name, known);
    }
    const documented = Object.values<MetricSpec>(PROXY_METRICS).map(
      ({ name, labels }) => [name, Object.keys(labels).toSorted()] as const,
    );
    const found = [...exported].map(([name, labels]) => [name, [...labels].toSorted()] as const);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(documented));
  });

  it('is exactly what a controller exports', () => {
    const registry = new Registry();
    controllerMetrics(registry);
    const exported = registry.getMetricsAsArray().map(({ name, help }) => ({ name, help }));
    const documented = Object.values<MetricSpec>(CONTROLLER_METRICS).map(({ name, help }) => ({
      name,
      help,
    }));
    expect(exported).toEqual(documented);
  });
});
