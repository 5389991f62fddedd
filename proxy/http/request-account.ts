import type { ErrorCode } from '../errors.ts';
import type { HttpVersion } from '../observe/traffic-record.ts';
import type { TlsFacts } from '../l4/l4-reporter.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import type { TrafficRecord } from '../observe/traffic-record.ts';
import { grpcStatusIn } from './grpc.ts';
import type { RequestHead } from './h1/request-head.ts';
import type { HttpWorker } from './http-worker.ts';
import type { RouteTarget } from './route-target.ts';

/** What is kept of a request from its beginning until it is over and reported. Reused from request to request. */
export class RequestAccount {
  status = 0;
  /** A label for what was wrong with it. */
  reason = '';
  bytesIn = 0;
  bytesOut = 0;
  method = '';
  startedAt = 0;
  requestId = '';
  /** What the last attempt was made in; empty: there was none. */
  upstreamProtocol: TrafficRecord['upstreamProtocol'] = '';
  /** How a gRPC call ended; -1: it is none, or its end was not said. */
  grpcStatus = -1;
  #firstByteAt = 0;
  #protocol: HttpVersion = 'HTTP/1.1';
  #host = '';
  #path = '';
  #clientAddress = '';

  /** @param now `Clock.now()` */
  begin(head: RequestHead, now: number): void {
    this.status = 0;
    this.reason = '';
    this.bytesIn = 0;
    this.bytesOut = 0;
    this.#protocol = head.protocol;
    this.method = head.method;
    this.startedAt = now;
    this.requestId = '';
    this.upstreamProtocol = '';
    this.grpcStatus = -1;
    this.#firstByteAt = 0;
    this.#host = head.authority;
    this.#path = head.path;
    this.#clientAddress = head.clientAddress;
  }

  answered(status: number, now: number): void {
    this.status = status;
    this.#firstByteAt = now;
  }

  /** Looks for the end of a gRPC call. @param lines of the head, or trailers */
  readGrpcStatus(lines: string): void {
    this.grpcStatus = grpcStatusIn(lines) ?? this.grpcStatus;
  }

  report(
    worker: HttpWorker,
    how: {
      readonly target: RouteTarget | undefined;
      readonly endpoint: EndpointState | undefined;
      readonly attempts: number;
      readonly error: ErrorCode | undefined;
      readonly tls: TlsFacts | undefined;
    },
  ): void {
    const { record } = worker;
    record.meter = how.target?.meter;
    record.endpoint = how.endpoint;
    record.attempts = how.attempts;
    record.status = this.status;
    record.error = how.error;
    record.reason = this.reason;
    record.durationMs = worker.clock.now() - this.startedAt;
    record.firstByteMs = this.#firstByteAt === 0 ? 0 : this.#firstByteAt - this.startedAt;
    record.bytesIn = this.bytesIn;
    record.bytesOut = this.bytesOut;
    record.protocol = this.#protocol;
    record.method = this.method;
    record.host = this.#host;
    record.path = this.#path;
    record.clientAddress = this.#clientAddress;
    record.requestId = this.requestId;
    record.upstreamProtocol = this.upstreamProtocol;
    record.grpcStatus = this.grpcStatus;
    record.tlsVersion = how.tls?.version ?? '';
    record.serverName = how.tls?.serverName ?? '';
    worker.report(record);
  }
}
