import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { TrafficMeter, type MetricJson } from '../../../../proxy/observe/traffic-meter.ts';
import type { TrafficRecord } from '../../../../proxy/observe/traffic-record.ts';

function record(over: Partial<TrafficRecord>): TrafficRecord {
  return {
    meter: undefined,
    endpoint: undefined,
    attempts: 1,
    status: 200,
    error: undefined,
    reason: '',
    durationMs: 3,
    firstByteMs: 1,
    bytesIn: 0,
    bytesOut: 0,
    protocol: 'HTTP/1.1',
    method: 'GET',
    host: 'h',
    path: '/',
    clientAddress: '127.0.0.1',
    requestId: '',
    upstreamProtocol: 'HTTP/1.1',
    grpcStatus: -1,
    tlsVersion: '',
    serverName: '',
    ...over,
  };
}

async function text(...workers: MetricJson[][]): Promise<string> {
  const json = workers as unknown as MetricObjectWithValues<MetricValue<string>>[][];
  return AggregatorRegistry.aggregate(json).metrics();
}

describe('TrafficMeter', () => {
  it('adds up over workers in the text that Prometheus reads', async () => {
    const workers = [new TrafficMeter(), new TrafficMeter()];
    for (const worker of workers) {
      const meter = worker.route('n/shop', 'api');
      worker.record(record({ meter, bytesIn: 10, bytesOut: 20, attempts: 3 }));
      worker.record(record({ meter, status: 503, error: 'NO_ENDPOINTS', durationMs: 0.5 }));
    }
    const out = await text(...workers.map((worker) => worker.collect()));
    expect(out).toContain('evenkeel_requests_total{pool="n/shop",route="api",code="200"} 2');
    expect(out).toContain('evenkeel_requests_total{pool="n/shop",route="api",code="503"} 2');
    expect(out).toContain('evenkeel_request_errors_total{pool="n/shop",route="api",error="NO_ENDPOINTS"} 2');
    expect(out).toContain('evenkeel_http_requests_total{pool="n/shop",route="api",protocol="HTTP/1.1"} 4');
    expect(out).toContain('evenkeel_retries_total{pool="n/shop",route="api"} 4');
    expect(out).toContain('evenkeel_received_bytes_total{pool="n/shop",route="api"} 20');
    expect(out).toContain('evenkeel_request_duration_seconds_bucket{le="0.001",pool="n/shop",route="api"} 2');
    expect(out).toContain('evenkeel_request_duration_seconds_bucket{le="0.005",pool="n/shop",route="api"} 4');
    expect(out).toContain('evenkeel_request_duration_seconds_count{pool="n/shop",route="api"} 4');
  });

  it('counts what had no route by its reason, and forgets pools that are gone', async () => {
    const worker = new TrafficMeter();
    worker.record(record({ status: 400, error: 'DOWNSTREAM_BAD_REQUEST', reason: 'cl_te' }));
    worker.record(record({ meter: worker.route('n/shop', 'api') }));
    worker.forget('n/shop');
    const out = await text(worker.collect());
    expect(out).toContain('evenkeel_refused_requests_total{reason="cl_te"} 1');
    expect(out).not.toContain('n/shop');
  });

  it('gives the same meter for the same route, so that counts go on over changes', () => {
    const worker = new TrafficMeter();
    expect(worker.route('n/shop', 'api')).toBe(worker.route('n/shop', 'api'));
    expect(worker.route('n/shop', 'api')).not.toBe(worker.route('n/other', 'api'));
  });
});
