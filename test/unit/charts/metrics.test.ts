import { expect, it } from 'vitest';
import { CONTROLLER_METRICS } from '../../../controller/observe/metric-table.ts';
import type { MetricSpec } from '../../../lib/metric-spec.ts';
import { PROXY_METRICS } from '../../../proxy/observe/metric-table.ts';
import { describeChart, objects, render } from '../../support/charts/helm.ts';

const SPECS: readonly MetricSpec[] = [...Object.values(PROXY_METRICS), ...Object.values(CONTROLLER_METRICS)];
/** What Prometheus and the PodMonitor add to every series. */
const ADDED = new Set(['namespace', 'pod', 'le']);

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

/** The metrics that an expression names, with the labels that it asks of them. */
function metricsOf(expr: string): { name: string; labels: string[] }[] {
  return [...expr.matchAll(/(evenkeel_[a-z_]+)(?:\{([^}]*)\})?/g)].map(([, name, matchers = '']) => ({
    name: name!,
    labels: [...matchers.matchAll(/([a-z_]+)(?:=~|!=|!~|=)/g)].map(([, label]) => label!),
  }));
}

function labelsOf(name: string): ReadonlySet<string> | undefined {
  const spec = SPECS.find((each) =>
    each.type === 'histogram' ? name.replace(/_(bucket|sum|count)$/, '') === each.name : name === each.name,
  );
  return spec === undefined ? undefined : new Set([...ADDED, ...Object.keys(spec.labels)]);
}

/** What is wrong with an expression: a metric that nobody exports, a label that the metric does not have. */
function problemsOf(expr: string): string[] {
  const metrics = metricsOf(expr);
  const problems = metrics.flatMap(({ name, labels }) => {
    const has = labelsOf(name);
    if (has === undefined) return [`there is no metric ${name}`];
    return labels.filter((label) => !has.has(label)).map((label) => `${name} has no ${label}`);
  });
  if (metrics.length === 0) problems.push(`no metric in ${expr}`);
  const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, labels]) => labels!.split(/, */));
  for (const label of grouped) {
    if (!metrics.some(({ name }) => labelsOf(name)?.has(label))) problems.push(`nothing has ${label}`);
  }
  return problems;
}

describeChart('what the chart makes of metrics', { timeout: 30_000 }, () => {
  const ON = ['prometheusRule={"enabled":true}', 'grafanaDashboard={"enabled":true}'];

  it('alerts on what is exported, and says what it means and where to look', () => {
    const rule = objects(render(...ON)).find(({ kind }) => kind === 'PrometheusRule');
    const { groups } = rule!['spec'] as { groups: { rules: Alert[] }[] };
    const alerts = groups.flatMap(({ rules }) => rules);
    expect(alerts.length).toBeGreaterThan(10);
    for (const { alert, expr, labels, annotations } of alerts) {
      expect(alert).toMatch(/^Evenkeel[A-Z]/);
      expect(problemsOf(expr)).toEqual([]);
      expect(['critical', 'warning']).toContain(labels.severity);
      expect(annotations.summary).toMatch(/\.$/);
      expect(annotations.description).toMatch(/\.$/);
      const shown = [...annotations.summary.matchAll(/\$labels\.([a-z_]+)/g)].map(([, label]) => label!);
      for (const label of shown) expect(expr).toMatch(new RegExp(`by \\([^)]*${label}`));
    }
  });

  it('draws what is exported', () => {
    const map = objects(render(...ON)).find(({ metadata }) => metadata.name === 'evenkeel-dashboard');
    const { 'evenkeel.json': text } = map!['data'] as { 'evenkeel.json': string };
    const { panels, templating } = JSON.parse(text) as {
      panels: { type: string; title: string; targets?: { expr: string }[] }[];
      templating: { list: { query: string }[] };
    };
    const drawn = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(drawn.length).toBeGreaterThan(15);
    expect(drawn.flatMap(problemsOf)).toEqual([]);
    const asked = templating.list.map(({ query }) => query).filter((query) => query.includes('evenkeel_'));
    expect(asked.flatMap(problemsOf)).toEqual([]);
  });

  it.each([
    ['rate(evenkeel_request_total[5m])', 'there is no metric evenkeel_request_total'],
    ['sum(evenkeel_active{pool="a"})', 'evenkeel_active has no pool'],
    ['sum by (shop) (evenkeel_active)', 'nothing has shop'],
    ['up == 0', 'no metric in up == 0'],
  ])('would see what is wrong with %s', (expr, problem) => {
    expect(problemsOf(expr)).toContain(problem);
  });
});
