import type { ErrorCode } from '../errors.ts';
import { emptyTrafficRecord } from '../observe/traffic-record.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import type { WorkerContext } from '../worker/context.ts';
import type { L4Target } from './l4-target.ts';

/** What is known of a client's TLS. */
export interface TlsFacts {
  /** Empty: it goes on to the endpoint as it is. */
  readonly version: string;
  readonly serverName: string | undefined;
}

/** What a TCP session or a UDP flow has come to. */
export interface L4Outcome {
  readonly target: L4Target;
  readonly clientAddress: string;
  readonly endpoint: EndpointState | undefined;
  readonly attempts: number;
  readonly startedMs: number;
  /** Of the client's connection. */
  readonly tls: TlsFacts | undefined;
  /** From the client, and to it. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Reports what is over to the metrics and the access log, in the one record that this object owns. */
export class L4Reporter {
  readonly #ctx: WorkerContext;
  readonly #record = emptyTrafficRecord();

  constructor(ctx: WorkerContext) {
    this.#ctx = ctx;
  }

  ended(outcome: L4Outcome, error: ErrorCode | undefined): void {
    const record = this.#record;
    record.meter = outcome.target.meter;
    record.endpoint = outcome.endpoint;
    record.attempts = outcome.attempts;
    record.durationMs = this.#ctx.clock.now() - outcome.startedMs;
    record.bytesIn = outcome.bytesIn;
    record.bytesOut = outcome.bytesOut;
    record.reason = '';
    record.tlsVersion = outcome.tls?.version ?? '';
    record.serverName = outcome.tls?.serverName ?? '';
    this.#send(outcome.clientAddress, error);
  }

  /** Turned away before it had a route. @param reason a label for what was wrong with it */
  refused(clientAddress: string, error: ErrorCode, reason = ''): void {
    const record = this.#record;
    record.meter = undefined;
    record.endpoint = undefined;
    record.attempts = 0;
    record.durationMs = 0;
    record.bytesIn = 0;
    record.bytesOut = 0;
    record.reason = reason;
    record.tlsVersion = '';
    record.serverName = '';
    this.#send(clientAddress, error);
  }

  #send(clientAddress: string, error: ErrorCode | undefined): void {
    this.#record.clientAddress = clientAddress;
    this.#record.error = error;
    this.#ctx.traffic.record(this.#record);
    this.#ctx.accessLog?.record(this.#record);
  }
}
