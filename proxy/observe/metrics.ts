import { Counter, Gauge, Registry } from 'prom-client';
import type { MetricSpec } from '../../lib/metric-spec.ts';
import { formatMetrics, type MetricSamples, type MetricsFormat } from '../../lib/metrics-format.ts';
import type { Transition } from '../health/verdict-board.ts';
import type { Redundancy } from '../redundancy/active-passive.ts';
import { TAKEOVER_REASONS } from '../redundancy/next-move.ts';
import type { WorkerLoad } from './load.ts';
import { PROXY_METRICS as TABLE } from './metric-table.ts';
import type { EndpointSeries } from './endpoint-series.ts';
import type { MetricJson } from './traffic-meter.ts';

/** How this proxy stands to its controllers. */
export interface ControlState {
  readonly connected: number;
  readonly epoch: number;
  /** For how long none has been connected. */
  staleSeconds(): number;
}

type LabelValues = Record<string, string | number>;

interface Described {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: Registry[];
}

/** What the main thread counts itself, and the sum of that and what the workers have counted. */
export class ProxyMetrics {
  readonly #registry = new Registry();
  readonly #transitions: Counter;
  readonly #replaced: Counter;
  /** What the workers hold, as they last said. */
  loads: readonly WorkerLoad[] = [];
  /** New work is turned away. */
  isShedding = false;
  /** Absent: all proxies take traffic. */
  redundancy: Redundancy | undefined;
  /** Absent: nobody tells it what to serve but the one who runs it. */
  control: ControlState | undefined;

  /**
   * All are asked at each scrape: how many endpoints each pool has in each state, what each has done, and which
   * certificates there are.
   */
  constructor(
    endpoints: () => readonly { pool: string; backend: string; state: string; count: number }[],
    series: () => EndpointSeries,
    certificates: () => readonly { pool: string; listener: string; secret: string; notAfter: number }[],
  ) {
    const of = ({ name, help, labels }: MetricSpec): Described => ({
      name,
      help,
      labelNames: Object.keys(labels),
      registers: [this.#registry],
    });
    this.#transitions = new Counter(of(TABLE.transitions));
    this.#replaced = new Counter(of(TABLE.replacedWorkers));
    const ends = new Gauge({
      ...of(TABLE.certificateEnd),
      collect() {
        ends.reset();
        for (const { notAfter, ...labels } of certificates()) ends.set(labels, notAfter / 1_000);
      },
    });
    const states = new Gauge({
      ...of(TABLE.endpoints),
      aggregator: 'sum',
      collect() {
        states.reset();
        for (const { count, ...labels } of endpoints()) states.set(labels, count);
      },
    });
    const isShedding = (): boolean => this.isShedding;
    const shedding = new Gauge({
      ...of(TABLE.shedding),
      aggregator: 'sum',
      collect() {
        shedding.set(isShedding() ? 1 : 0);
      },
    });
    this.#showLoad(of);
    this.#showEndpoints(series, of);
    this.#showRedundancy(of);
    this.#showControl(of);
  }

  #showLoad(of: (spec: MetricSpec) => Described): void {
    const show = (spec: MetricSpec, held: (load: WorkerLoad) => number): void => {
      const loads = (): readonly WorkerLoad[] => this.loads;
      const gauge = new Gauge({
        ...of(spec),
        aggregator: 'sum',
        collect() {
          gauge.set(loads().reduce((sum, load) => sum + held(load), 0));
        },
      });
    };
    show(TABLE.openConnections, ({ connections }) => connections);
    show(TABLE.openRequests, ({ requests }) => requests);
    show(TABLE.waitingRequests, ({ waiting }) => waiting);
    show(TABLE.backendConnections, ({ backends }) => backends);
  }

  #showControl(of: (spec: MetricSpec) => Described): void {
    const current = (): ControlState | undefined => this.control;
    const show = (spec: MetricSpec, value: (control: ControlState) => number): void => {
      const gauge = new Gauge({
        ...of(spec),
        aggregator: 'sum',
        collect() {
          const control = current();
          if (control === undefined) gauge.remove();
          else gauge.set(value(control));
        },
      });
    };
    show(TABLE.controllers, ({ connected }) => connected);
    show(TABLE.followedEpoch, ({ epoch }) => epoch);
    show(TABLE.stale, (control) => control.staleSeconds());
  }

  #showRedundancy(of: (spec: MetricSpec) => Described): void {
    const current = (): Redundancy | undefined => this.redundancy;
    const active = new Gauge({
      ...of(TABLE.active),
      aggregator: 'sum',
      collect() {
        const redundancy = current();
        active.reset();
        if (redundancy === undefined) active.set({ mode: 'ActiveActive' }, 1);
        else active.set({ mode: 'ActivePassive' }, redundancy.active ? 1 : 0);
      },
    });
    const takeovers = new Counter({
      ...of(TABLE.takeovers),
      collect() {
        takeovers.reset();
        const counts = current()?.takeovers;
        if (counts === undefined) return;
        for (const reason of TAKEOVER_REASONS) takeovers.inc({ reason }, counts.get(reason) ?? 0);
      },
    });
    const last = new Gauge({
      ...of(TABLE.lastTakeover),
      collect() {
        const at = current()?.lastTakeover;
        if (at === undefined) last.remove();
        else last.set(at / 1_000);
      },
    });
  }

  #showEndpoints(series: () => EndpointSeries, of: (spec: MetricSpec) => Described): void {
    const attempts = new Counter({ ...of(TABLE.endpointAttempts), collect: () => fill() });
    const failures = new Counter(of(TABLE.endpointFailures));
    const inFlight = new Gauge({ ...of(TABLE.endpointInFlight), aggregator: 'sum' });
    const left = new Gauge({ ...of(TABLE.endpointsWithoutSeries), aggregator: 'sum' });
    // Metrics are collected in the order in which they were made: this one fills those behind it.
    const fill = (): void => {
      for (const metric of [attempts, failures, inFlight]) metric.reset();
      const { samples, left: without } = series();
      for (const { ended, failed, inFlight: now, ...labels } of samples) {
        attempts.inc(labels, ended);
        failures.inc(labels, failed);
        inFlight.set(labels, now);
      }
      left.set(without);
    };
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

  /** This thread and the workers together. */
  async page(
    workers: readonly (readonly MetricJson[])[],
    format: MetricsFormat,
  ): Promise<{ readonly body: string; readonly contentType: string }> {
    const own = await this.#registry.getMetricsAsJSON();
    return formatMetrics([own, ...(workers as unknown as MetricSamples[])], format);
  }
}
