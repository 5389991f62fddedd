import { Counter, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { formatMetrics, metricsFormat, type MetricSamples } from '../../../lib/metrics-format.ts';

describe('metricsFormat', () => {
  it.each([
    ['', 'prometheus'],
    ['*/*', 'prometheus'],
    ['text/plain', 'prometheus'],
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    ['text/plain;q=0.9, application/openmetrics-text;q=0.5', 'prometheus'],
    ['application/openmetrics-text;q=0', 'prometheus'],
    ['Application/OpenMetrics-Text', 'openmetrics'],
  ])('takes %j for a wish for %s', (accept, format) => {
    expect(metricsFormat(accept)).toBe(format);
  });
});

describe('formatMetrics', () => {
  const thread = async (value: number): Promise<MetricSamples> => {
    const registry = new Registry();
    const counter = new Counter({
      name: 'x_requests_total',
      help: 'Requests.',
      labelNames: ['pool'],
      registers: [registry],
    });
    counter.inc({ pool: 'n/shop' }, value);
    return registry.getMetricsAsJSON();
  };

  it('adds up what the threads have counted', async () => {
    const { body, contentType } = await formatMetrics([await thread(2), await thread(3)], 'prometheus');
    expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(body).toContain('# TYPE x_requests_total counter\nx_requests_total{pool="n/shop"} 5\n');
  });

  it('names a counter as OpenMetrics wants: the suffix on its samples alone, and an end', async () => {
    const { body, contentType } = await formatMetrics([await thread(2), await thread(3)], 'openmetrics');
    expect(contentType).toMatch(/^application\/openmetrics-text; version=1\.0\.0/);
    expect(body).toBe(
      '# HELP x_requests Requests.\n# TYPE x_requests counter\nx_requests_total{pool="n/shop"} 5\n# EOF\n',
    );
  });
});
