import type { Logger } from 'pino';
import type { Clock, Rng } from '../../lib/clock.ts';
import type { ErrorCode } from '../errors.ts';
import type { Deadlines } from '../conn/deadlines.ts';
import type { Dialer } from '../conn/dialer.ts';
import type { ReadBuffers } from '../conn/read-buffers.ts';
import type { RateTable } from '../routing/rate-table.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import type { TrafficMeter } from '../observe/traffic-meter.ts';
import type { TrafficSink } from '../observe/traffic-record.ts';
import type { SharedTable } from '../state/shared-table.ts';
import type { FlowBudget } from '../udp/flow-budget.ts';

/** What one worker thread's parts are given; made once in proxy/worker/main.ts. */
export interface WorkerContext {
  readonly workerId: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly table: SharedTable;
  /** Shared with the other workers, so that limits hold for the proxy. */
  readonly rateTable: RateTable;
  readonly passive: PassiveReporter;
  readonly deadlines: Deadlines;
  readonly dialer: Dialer;
  /** What sockets read into. */
  readonly buffers: ReadBuffers;
  readonly traffic: TrafficMeter;
  /** Absent: the access log is off. */
  readonly accessLog: TrafficSink | undefined;
  /** Client connections this worker may have open, where a listener sets no limit of its own. */
  readonly maxConnections: number;
  /** What its UDP ports may have. */
  readonly flowBudget: FlowBudget;
}

/** Where the data path says how attempts went; passive health on the main thread decides what follows. */
export interface PassiveReporter {
  /** An attempt ended well: the endpoint's run of failures is over. */
  success(endpoint: EndpointState): void;
  /** An attempt failed. Codes without blame (proxy/errors.ts) are ignored; a refused connect acts at once. */
  failure(endpoint: EndpointState, code: ErrorCode): void;
  /** A response with a 5xx status: counts like a failure, and is told apart in the reason. */
  errorStatus(endpoint: EndpointState, status: number): void;
}
