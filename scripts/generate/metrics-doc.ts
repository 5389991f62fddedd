/** docs/metrics.md, from the tables that the metrics themselves are made from. */
import { CONTROLLER_METRICS } from '../../controller/observe/metric-table.ts';
import type { MetricSpec } from '../../lib/metric-spec.ts';
import { PROXY_METRICS } from '../../proxy/observe/metric-table.ts';
import { banner, table } from './markdown.ts';

export function metricsDoc(): string {
  return `${banner('the tables in proxy/observe and controller/observe')}
# Metrics

At \`/metrics\` of the admin address (\`--admin\`): as OpenMetrics for who asks for \`application/openmetrics-text\`, as Prometheus text otherwise.
A proxy and a standalone process give the sum over their worker threads.

Labels say only what somebody with access to the cluster has named, or what is listed here: nothing that a client chooses.
The series of a pool end with the pool.

## Of a proxy

${rows(PROXY_METRICS)}
## Of a controller

${rows(CONTROLLER_METRICS)}`;
}

function rows(specs: Readonly<Record<string, MetricSpec>>): string {
  return table(
    ['metric', 'type', 'means', 'labels'],
    Object.values(specs).map(({ name, type, help, labels }) => [
      `\`${name}\``,
      type,
      help,
      Object.entries(labels)
        .map(([label, says]) => `\`${label}\`: ${says}`)
        .join('<br>'),
    ]),
  );
}
