import type { MetricSpec } from '../../lib/metric-spec.ts';

const KIND = '`loadbalancerpools`, `services`, `endpointslices`, `pods`, `secrets` or `configmaps`';

/** Everything that a controller counts. */
export const CONTROLLER_METRICS = {
  propagation: {
    name: 'evenkeel_controller_propagation_seconds',
    type: 'histogram',
    help: 'From a watch event to the last acknowledgement of what it led to by every connected proxy.',
    labels: {},
  },
  dirtyPools: {
    name: 'evenkeel_controller_dirty_pools',
    type: 'gauge',
    help: 'Pools that wait to be resolved.',
    labels: {},
  },
  compile: {
    name: 'evenkeel_controller_compile_seconds',
    type: 'histogram',
    help: 'To resolve and compile one pool.',
    labels: {},
  },
  pushes: {
    name: 'evenkeel_controller_pushes_total',
    type: 'counter',
    help: 'Pool updates sent to proxies.',
    labels: {},
  },
  pushedBytes: {
    name: 'evenkeel_controller_pushed_bytes_total',
    type: 'counter',
    help: 'Bytes of the pool updates sent to proxies.',
    labels: {},
  },
  nacks: {
    name: 'evenkeel_controller_nacks_total',
    type: 'counter',
    help: 'Pool updates that a proxy refused.',
    labels: {},
  },
  connectedProxies: {
    name: 'evenkeel_controller_connected_proxies',
    type: 'gauge',
    help: 'Proxies with a stream to this controller.',
    labels: {},
  },
  pools: {
    name: 'evenkeel_controller_pools',
    type: 'gauge',
    help: 'Pools of the class.',
    labels: {},
  },
  objects: {
    name: 'evenkeel_controller_objects',
    type: 'gauge',
    help: 'Objects of a kind that are kept in memory.',
    labels: { kind: '`loadbalancerpools`, `services`, `endpointslices` or `pods`' },
  },
  statusWrites: {
    name: 'evenkeel_controller_status_writes_total',
    type: 'counter',
    help: 'Statuses written.',
    labels: {},
  },
  statusFailures: {
    name: 'evenkeel_controller_status_write_failures_total',
    type: 'counter',
    help: 'Statuses that could not be written.',
    labels: {},
  },
  lists: {
    name: 'evenkeel_controller_lists_total',
    type: 'counter',
    help: 'Times that a kind was listed from the API server.',
    labels: { kind: KIND },
  },
  watchRestarts: {
    name: 'evenkeel_controller_watch_restarts_total',
    type: 'counter',
    help: 'Watches that began again, and why.',
    labels: { kind: KIND, why: '`ended`, `failed`, `silent`, `expired` or `disordered`' },
  },
  leading: {
    name: 'evenkeel_controller_leading',
    type: 'gauge',
    help: '1 while this controller leads.',
    labels: {},
  },
  activeProxy: {
    name: 'evenkeel_controller_active_proxy',
    type: 'gauge',
    help: '1 for the proxy that takes the traffic (ActivePassive).',
    labels: { mode: '`ActivePassive`', proxy: 'its name' },
  },
  lastFailover: {
    name: 'evenkeel_controller_last_failover_timestamp_seconds',
    type: 'gauge',
    help: 'When another proxy last took over, in seconds since the epoch (ActivePassive); 0: never.',
    labels: {},
  },
  epoch: {
    name: 'evenkeel_controller_epoch',
    type: 'gauge',
    help: 'The epoch in which this controller led last.',
    labels: {},
  },
} as const satisfies Record<string, MetricSpec>;
