import {
  AggregatorRegistry,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
  type RegistryContentType,
} from 'prom-client';

export type MetricsFormat = 'prometheus' | 'openmetrics';

export type MetricSamples = readonly MetricObjectWithValues<MetricValue<string>>[];

const CONTENT_TYPES: Readonly<Record<MetricsFormat, RegistryContentType>> = {
  prometheus: Registry.PROMETHEUS_CONTENT_TYPE,
  openmetrics: Registry.OPENMETRICS_CONTENT_TYPE,
};

/** The format that an Accept field prefers (RFC 9110 section 12.5.1); Prometheus text unless it names the other. */
export function metricsFormat(accept: string): MetricsFormat {
  let openmetrics = 0;
  let text = 0;
  for (const range of accept.toLowerCase().split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    const quality = weight === undefined ? 1 : Number(weight.slice(2));
    if (type === 'application/openmetrics-text') openmetrics = Math.max(openmetrics, quality);
    if (type === 'text/plain') text = Math.max(text, quality);
  }
  return openmetrics > 0 && openmetrics >= text ? 'openmetrics' : 'prometheus';
}

/** The sum of what several threads have counted, as a page. */
export async function formatMetrics(
  threads: readonly MetricSamples[],
  format: MetricsFormat,
): Promise<{ readonly body: string; readonly contentType: string }> {
  // OpenMetrics names a counter without the suffix of its samples; the library adds the suffix and removes none.
  const named = threads.map((samples) =>
    format === 'prometheus' ? [...samples] : samples.map((sample) => withoutTotal(sample)),
  );
  const registry: Registry<RegistryContentType> = AggregatorRegistry.aggregate(named);
  const contentType = CONTENT_TYPES[format];
  registry.setContentType(contentType);
  return { body: await registry.metrics(), contentType };
}

function withoutTotal(sample: MetricSamples[number]): MetricSamples[number] {
  const isCounter = (sample.type as unknown) === 'counter';
  return isCounter ? { ...sample, name: sample.name.replace(/_total$/, '') } : sample;
}
