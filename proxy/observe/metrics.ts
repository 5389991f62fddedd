import {
  AggregatorRegistry,
  Counter,
  Gauge,
  Registry,
  type MetricObjectWithValues,
  type MetricValue,
} from 'prom-client';
import type { Transition } from '../health/verdict-board.ts';
import type { MetricJson } from './traffic-meter.ts';

type LabelValues = Record<string, string | number>;

/** What the main thread counts itself, and the sum of that and what the workers have counted. */
export class ProxyMetrics {
  readonly #registry = new Registry();
  readonly #transitions: Counter;
  readonly #replaced: Counter;

  /** `endpoints` is asked at each scrape for how many endpoints each pool has in each state. */
  constructor(endpoints: () => readonly { pool: string; backend: string; state: string; count: number }[]) {
    const registers = [this.#registry];
    this.#transitions = new Counter({
      name: 'evenkeel_endpoint_transitions_total',
      help: 'Changes of state of endpoints, by what they became and who said so.',
      labelNames: ['pool', 'backend', 'state', 'source', 'reason'],
      registers,
    });
    this.#replaced = new Counter({
      name: 'evenkeel_worker_replacements_total',
      help: 'Worker threads that were lost and replaced, by reason.',
      labelNames: ['reason'],
      registers,
    });
    const states = new Gauge({
      name: 'evenkeel_endpoints',
      help: 'Endpoints by state.',
      labelNames: ['pool', 'backend', 'state'],
      registers,
      aggregator: 'sum',
      collect() {
        states.reset();
        for (const { count, ...labels } of endpoints()) states.set(labels, count);
      },
    });
  }

  countTransition({ pool, report }: Transition): void {
    const { state, source, reason } = report.verdict;
    this.#transitions.inc({ pool, backend: report.backend, state, source, reason });
  }

  countReplacedWorker(reason: string): void {
    this.#replaced.inc({ reason });
  }

  /** Forgets the samples of a pool that is gone, so that labels stay bounded by what exists. */
  async forget(pool: string): Promise<void> {
    const { values } = await this.#transitions.get();
    for (const { labels } of values)
      if (labels['pool'] === pool) this.#transitions.remove(labels as LabelValues);
  }

  /** Prometheus text of this thread and the workers together. */
  async text(workers: readonly (readonly MetricJson[])[]): Promise<string> {
    const own = await this.#registry.getMetricsAsJSON();
    const all = [own, ...(workers as unknown as MetricObjectWithValues<MetricValue<string>>[][])];
    return AggregatorRegistry.aggregate(all).metrics();
  }
}
