import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** The controller's metrics; docs/operations.md explains them. */
export interface ControllerMetrics {
  readonly propagation: Histogram;
  readonly dirtyPools: Gauge;
  readonly compile: Histogram;
  readonly pushes: Counter;
  readonly pushedBytes: Counter;
  readonly nacks: Counter;
  readonly connectedProxies: Gauge;
  readonly pools: Gauge;
  readonly statusWrites: Counter;
  readonly statusFailures: Counter;
  readonly lists: Counter<'kind'>;
  readonly watchRestarts: Counter<'kind' | 'why'>;
  readonly leading: Gauge;
  readonly epoch: Gauge;
}

export function controllerMetrics(registry: Registry): ControllerMetrics {
  const registers = [registry];
  const named = (name: string, help: string) => ({ name: `evenkeel_controller_${name}`, help, registers });
  return {
    propagation: new Histogram({
      ...named(
        'propagation_seconds',
        'From a watch event to the last acknowledgement of what it led to by every connected proxy.',
      ),
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
    }),
    dirtyPools: new Gauge(named('dirty_pools', 'Pools that wait to be resolved.')),
    compile: new Histogram({
      ...named('compile_seconds', 'To resolve and compile one pool.'),
      buckets: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1],
    }),
    pushes: new Counter(named('pushes_total', 'Pool updates sent to proxies.')),
    pushedBytes: new Counter(named('pushed_bytes_total', 'Bytes of the pool updates sent to proxies.')),
    nacks: new Counter(named('nacks_total', 'Pool updates that a proxy refused.')),
    connectedProxies: new Gauge(named('connected_proxies', 'Proxies with a stream to this controller.')),
    pools: new Gauge(named('pools', 'Pools of the class.')),
    statusWrites: new Counter(named('status_writes_total', 'Statuses written.')),
    statusFailures: new Counter(named('status_write_failures_total', 'Statuses that could not be written.')),
    lists: new Counter({
      ...named('lists_total', 'Times that a kind was listed from the API server.'),
      labelNames: ['kind'],
    }),
    watchRestarts: new Counter({
      ...named('watch_restarts_total', 'Watches that began again, and why.'),
      labelNames: ['kind', 'why'],
    }),
    leading: new Gauge(named('leading', '1 while this controller leads.')),
    epoch: new Gauge(named('epoch', 'The epoch in which this controller led last.')),
  };
}
