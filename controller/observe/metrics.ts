import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { MetricSpec } from '../../lib/metric-spec.ts';
import { CONTROLLER_METRICS as TABLE } from './metric-table.ts';

/** The controller's metrics, see `CONTROLLER_METRICS`. */
export interface ControllerMetrics {
  readonly propagation: Histogram;
  readonly dirtyPools: Gauge;
  readonly compile: Histogram;
  readonly pushes: Counter;
  readonly pushedBytes: Counter;
  readonly nacks: Counter;
  readonly connectedProxies: Gauge;
  readonly pools: Gauge;
  readonly objects: Gauge<'kind'>;
  readonly statusWrites: Counter;
  readonly statusFailures: Counter;
  readonly lists: Counter<'kind'>;
  readonly watchRestarts: Counter<'kind' | 'why'>;
  readonly leading: Gauge;
  readonly activeProxy: Gauge<'mode' | 'proxy'>;
  readonly lastFailover: Gauge;
  readonly epoch: Gauge;
}

export function controllerMetrics(registry: Registry): ControllerMetrics {
  const registers = [registry];
  const of = ({ name, help }: MetricSpec) => ({ name, help, registers });
  return {
    propagation: new Histogram({
      ...of(TABLE.propagation),
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
    }),
    dirtyPools: new Gauge(of(TABLE.dirtyPools)),
    compile: new Histogram({
      ...of(TABLE.compile),
      buckets: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1],
    }),
    pushes: new Counter(of(TABLE.pushes)),
    pushedBytes: new Counter(of(TABLE.pushedBytes)),
    nacks: new Counter(of(TABLE.nacks)),
    connectedProxies: new Gauge(of(TABLE.connectedProxies)),
    pools: new Gauge(of(TABLE.pools)),
    objects: new Gauge({ ...of(TABLE.objects), labelNames: ['kind'] }),
    statusWrites: new Counter(of(TABLE.statusWrites)),
    statusFailures: new Counter(of(TABLE.statusFailures)),
    lists: new Counter({ ...of(TABLE.lists), labelNames: ['kind'] }),
    watchRestarts: new Counter({ ...of(TABLE.watchRestarts), labelNames: ['kind', 'why'] }),
    leading: new Gauge(of(TABLE.leading)),
    activeProxy: new Gauge({ ...of(TABLE.activeProxy), labelNames: ['mode', 'proxy'] }),
    lastFailover: new Gauge(of(TABLE.lastFailover)),
    epoch: new Gauge(of(TABLE.epoch)),
  };
}
