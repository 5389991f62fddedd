import type { Socket } from 'node:net';
import { Deadline } from '../../conn/deadlines.ts';
import { readInto } from '../../conn/shared-read.ts';
import type { LeavingEndpoints } from '../../upstream/leaving-endpoints.ts';
import { ClientOrigin } from '../client-origin.ts';
import type { ClientTls } from '../client-tls.ts';
import { type Fault, requestError } from '../h1/fault.ts';
import { MAX_HEADERS, MAX_REQUEST_HEAD_BYTES } from '../h1/limits.ts';
import type { ConnectionStart, HttpPort, PortConnection } from '../http-port.ts';
import { replyFor } from '../replies.ts';
import { Http2ClientStream } from './client-stream.ts';
import { Http2Connection } from './core/connection.ts';
import { type ConnectionOptions, type ConnectionOwner, Http2Error } from './core/connection-owner.ts';
import { Http2Code } from './core/protocol.ts';
import type { Http2Stream } from './core/stream.ts';
import type { Fields } from './hpack/fields.ts';
import { isMalformed } from './incoming-request.ts';

const OPTIONS: ConnectionOptions = {
  role: 'server',
  // Of a request's body, before the exchange has taken it.
  streamWindow: 65_535,
  grownStreamWindow: 262_144,
  connectionWindow: 1_048_576,
  // Requests of one client at the same time (E09).
  maxStreams: 100,
  maxHeadBytes: MAX_REQUEST_HEAD_BYTES,
  // Crumbs of a cookie are fields of their own, and pseudo-header fields too (E04, B15).
  maxFields: MAX_HEADERS * 3,
};

/** One client's HTTP/2 connection: its requests go their own ways, each as if it had come alone. */
export class Http2ClientConnection implements PortConnection, ConnectionOwner {
  place = -1;
  readonly port: HttpPort;
  readonly origin: ClientOrigin;
  readonly tls: ClientTls | undefined;
  readonly #connection: Http2Connection;
  readonly #streams = new Set<Http2ClientStream>();
  /** Means something while there are no streams: they have limits of their own. */
  readonly #deadline = new Deadline(() => this.#expired());
  /** Something came since the last sweep. */
  #isAlive = false;

  /** @param early what was read of the socket already */
  constructor(port: HttpPort, socket: Socket, { parties, tls }: ConnectionStart, early: Buffer) {
    this.port = port;
    this.origin = new ClientOrigin(port, socket, parties);
    this.tls = tls;
    const { worker } = port;
    worker.deadlines.set(this.#deadline, port.requestHeaderMs);
    const connection = new Http2Connection(worker, socket, this, OPTIONS);
    this.#connection = connection;
    // Behind the connection's own listener: its requests are over when the port hears of it.
    socket.once('close', () => port.closed(this));
    if (port.isDraining) connection.notice();
    connection.receive(early, 0, early.length);
    readInto(socket, worker.buffers.shared, (bytes, length) => {
      this.#isAlive = true;
      connection.receive(bytes, 0, length);
    });
  }

  // ---- ConnectionOwner ----

  opened(stream: Http2Stream, fields: Fields, isLast: boolean): void {
    const { worker } = this.port;
    const reader = worker.incomingRequest;
    const fault = reader.read(fields, !isLast);
    if (fault !== undefined) {
      this.#refuse(stream, fault, reader.isHead);
      return;
    }
    const request = new Http2ClientStream(this, stream);
    this.#streams.add(request);
    this.origin.describe(reader.head);
    request.begin(reader.head, !isLast);
  }

  #refuse(stream: Http2Stream, fault: Fault, isHead: boolean): void {
    const code = requestError(fault);
    this.port.worker.reportRefused(code, fault, this.origin.peer);
    if (isMalformed(fault)) {
      stream.reset(Http2Code.ProtocolError);
      return;
    }
    const request = new Http2ClientStream(this, stream);
    this.#streams.add(request);
    request.refuse(replyFor(code), isHead);
  }

  settled(): void {}

  /** The client has said goodbye, and means to get what it has asked for. */
  goingAway(): void {
    this.#connection.close();
  }

  pong(): void {}

  closed(error: Error | undefined): void {
    const { worker } = this.port;
    worker.deadlines.clear(this.#deadline);
    if (error instanceof Http2Error && error.http2Code === Http2Code.EnhanceYourCalm)
      worker.reportRefused('DOWNSTREAM_FLOOD', '', this.origin.peer);
  }

  // ---- for its streams ----

  streamClosed(stream: Http2ClientStream): void {
    this.#streams.delete(stream);
    if (this.#streams.size === 0 && !this.#connection.isOver)
      this.port.worker.deadlines.set(this.#deadline, this.port.idleMs);
  }

  // ---- PortConnection ----

  sweep(leaving: LeavingEndpoints, now: number): void {
    const isAlive = this.#isAlive;
    this.#isAlive = false;
    for (const stream of this.#streams) stream.sweep(leaving, now, isAlive);
  }

  /** What the client sends before it hears of it is served; what comes later it may send again elsewhere. */
  drain(): void {
    this.#connection.notice();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  #expired(): void {
    if (this.#streams.size === 0) this.#connection.close();
  }
}
