import type { PoolTraffic } from '../../api/traffic.ts';
import type { MetricSpec } from '../../lib/metric-spec.ts';
import { PROXY_METRICS as TABLE } from './metric-table.ts';
import { isGrpcServerFault } from '../http/grpc.ts';
import { HTTP_VERSIONS, type TrafficRecord, type TrafficSink } from './traffic-record.ts';

/** Upper bounds of the duration histogram, in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** A sample in prom-client's JSON form: what worker threads send, and what the main thread adds up. */
export interface MetricJson {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly aggregator: 'sum';
  readonly values: readonly {
    readonly value: number;
    readonly labels: Readonly<Record<string, string | number>>;
    readonly metricName?: string;
  }[];
}

/** Counts of one route of one pool in one worker; `route` is empty for what the default backends took. */
export class RouteMeter {
  readonly pool: string;
  readonly route: string;
  /** By status; 0 is L4. */
  readonly statuses = new Map<number, number>();
  /** gRPC calls, by their status. */
  readonly grpcStatuses = new Map<number, number>();
  /** HTTP requests, by the place of their version in `HTTP_VERSIONS`. */
  readonly versions = new Float64Array(HTTP_VERSIONS.length);
  /** By error code. */
  readonly errors = new Map<string, number>();
  readonly buckets = new Float64Array(BUCKETS.length + 1);
  seconds = 0;
  failed = 0;
  retries = 0;
  bytesIn = 0;
  bytesOut = 0;

  constructor(pool: string, route: string) {
    this.pool = pool;
    this.route = route;
  }

  record(record: TrafficRecord): void {
    this.statuses.set(record.status, (this.statuses.get(record.status) ?? 0) + 1);
    if (record.protocol !== '') this.versions[HTTP_VERSIONS.indexOf(record.protocol)]! += 1;
    if (record.error !== undefined) this.errors.set(record.error, (this.errors.get(record.error) ?? 0) + 1);
    if (record.grpcStatus !== -1) {
      this.grpcStatuses.set(record.grpcStatus, (this.grpcStatuses.get(record.grpcStatus) ?? 0) + 1);
    }
    if (hasFailed(record)) this.failed += 1;
    if (record.attempts > 1) this.retries += record.attempts - 1;
    this.bytesIn += record.bytesIn;
    this.bytesOut += record.bytesOut;
    const seconds = record.durationMs / 1_000;
    this.seconds += seconds;
    let bucket = 0;
    while (bucket < BUCKETS.length && seconds > BUCKETS[bucket]!) bucket++;
    this.buckets[bucket]! += 1;
  }
}

function hasFailed({ status, error, grpcStatus }: TrafficRecord): boolean {
  if (status >= 500 || (status === 0 && error !== undefined)) return true;
  return grpcStatus > 0 && isGrpcServerFault(grpcStatus);
}

/**
 * What one worker has counted, kept in plain numbers: the data path asks for a route's meter once, when it compiles
 * its routes, and adds to it; names, labels and text are made only when somebody scrapes.
 */
export class TrafficMeter implements TrafficSink {
  readonly #routes = new Map<string, Map<string, RouteMeter>>();
  /** Requests refused before they had a route, by reason. */
  readonly #refused = new Map<string, number>();
  #accessLogFailures = 0;
  #droppedAnswers = 0;
  /** TLS handshakes with clients, by version and by whether they resumed a session: `TLSv1.3 true`. */
  readonly #handshakes = new Map<string, number>();
  readonly #failedHandshakes = new Map<string, number>();

  /** `pool` is `namespace/name`. The same object for the same names, so counts go on over changes. */
  route(pool: string, route: string): RouteMeter {
    let routes = this.#routes.get(pool);
    if (routes === undefined) {
      routes = new Map();
      this.#routes.set(pool, routes);
    }
    let meter = routes.get(route);
    if (meter === undefined) {
      meter = new RouteMeter(pool, route);
      routes.set(route, meter);
    }
    return meter;
  }

  /** Forgets a pool that is gone. */
  forget(pool: string): void {
    this.#routes.delete(pool);
  }

  record(record: TrafficRecord): void {
    if (record.meter !== undefined) {
      record.meter.record(record);
      return;
    }
    this.refuse(record.reason === '' ? (record.error ?? 'none') : record.reason);
  }

  /** A connection, or a request that had no route yet, was turned away. */
  refuse(reason: string): void {
    add(this.#refused, reason);
  }

  /** A datagram was more than its client may have. */
  answerDropped(): void {
    this.#droppedAnswers += 1;
  }

  accessLogFailed(): void {
    this.#accessLogFailures += 1;
  }

  /** What each pool has carried. */
  totals(): PoolTraffic[] {
    return [...this.#routes].map(([pool, routes]) => {
      let requests = 0;
      let failed = 0;
      for (const meter of routes.values()) {
        for (const count of meter.statuses.values()) requests += count;
        failed += meter.failed;
      }
      return { pool, requests, failed };
    });
  }

  /** A TLS handshake with a client has come about. */
  handshake(version: string, isResumed: boolean): void {
    add(this.#handshakes, `${version} ${isResumed}`);
  }

  handshakeFailed(reason: string): void {
    add(this.#failedHandshakes, reason);
  }

  collect(): MetricJson[] {
    const meters = [...this.#routes.values()].flatMap((routes) => Array.from(routes.values()));
    const labels = ({ pool, route }: RouteMeter): Record<string, string> => ({ pool, route });
    return [
      counter(
        TABLE.requests,
        meters.flatMap((meter) =>
          [...meter.statuses].map(([code, value]) => ({ value, labels: { ...labels(meter), code } })),
        ),
      ),
      counter(
        TABLE.grpcCalls,
        meters.flatMap((meter) =>
          [...meter.grpcStatuses].map(([grpc_status, value]) => ({
            value,
            labels: { ...labels(meter), grpc_status },
          })),
        ),
      ),
      counter(
        TABLE.versions,
        meters.flatMap((meter) =>
          HTTP_VERSIONS.flatMap((protocol, i) => {
            const value = meter.versions[i]!;
            return value === 0 ? [] : [{ value, labels: { ...labels(meter), protocol } }];
          }),
        ),
      ),
      counter(
        TABLE.errors,
        meters.flatMap((meter) =>
          [...meter.errors].map(([error, value]) => ({ value, labels: { ...labels(meter), error } })),
        ),
      ),
      counter(
        TABLE.failed,
        meters.map((meter) => ({ value: meter.failed, labels: labels(meter) })),
      ),
      counter(
        TABLE.retries,
        meters.map((meter) => ({ value: meter.retries, labels: labels(meter) })),
      ),
      counter(
        TABLE.received,
        meters.map((meter) => ({ value: meter.bytesIn, labels: labels(meter) })),
      ),
      counter(
        TABLE.sent,
        meters.map((meter) => ({ value: meter.bytesOut, labels: labels(meter) })),
      ),
      counter(
        TABLE.refused,
        [...this.#refused].map(([reason, value]) => ({ value, labels: { reason } })),
      ),
      counter(TABLE.droppedAnswers, [{ value: this.#droppedAnswers, labels: {} }]),
      counter(TABLE.accessLogFailures, [{ value: this.#accessLogFailures, labels: {} }]),
      counter(
        TABLE.handshakes,
        [...this.#handshakes].map(([key, value]) => {
          const [version = '', resumed = ''] = key.split(' ');
          return { value, labels: { version, resumed } };
        }),
      ),
      counter(
        TABLE.failedHandshakes,
        [...this.#failedHandshakes].map(([reason, value]) => ({ value, labels: { reason } })),
      ),
      {
        name: TABLE.duration.name,
        help: TABLE.duration.help,
        type: TABLE.duration.type,
        aggregator: 'sum',
        values: meters.flatMap((meter) => histogram(TABLE.duration.name, meter, labels(meter))),
      },
    ];
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function counter({ name, help }: MetricSpec, values: MetricJson['values']): MetricJson {
  return { name, help, type: 'counter', aggregator: 'sum', values };
}

function histogram(name: string, meter: RouteMeter, labels: Record<string, string>): MetricJson['values'] {
  let total = 0;
  const buckets = [...BUCKETS, '+Inf'].map((le, index) => {
    total += meter.buckets[index]!;
    return { metricName: `${name}_bucket`, value: total, labels: { le, ...labels } };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, value: meter.seconds, labels },
    { metricName: `${name}_count`, value: total, labels },
  ];
}
