import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { Deadline } from '../../conn/deadlines.ts';
import type { LeavingEndpoints } from '../../upstream/leaving-endpoints.ts';
import { ClientOrigin } from '../client-origin.ts';
import { type Fault, requestError } from '../h1/fault.ts';
import type { ClientTls } from '../client-tls.ts';
import type { ConnectionStart, HttpPort, PortConnection } from '../http-port.ts';
import { replyFor } from '../replies.ts';
import { Http2ClientStream } from './client-stream.ts';
import { Patience } from './patience.ts';
import { isMalformed } from './incoming-request.ts';
import { SESSION_OPTIONS } from './session-options.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_FLAG_END_STREAM, NGHTTP2_PROTOCOL_ERROR } = constants;

/** How long a client has to close its side when everything is said. */
const LINGER_MS = 2_000;

const State = {
  /** No request has come yet. */
  Fresh: 0,
  Open: 1,
  /** No further request is taken; the client knows which was the last. */
  Closing: 2,
  Closed: 3,
} as const;

/** One client's HTTP/2 connection: its requests go their own ways, each as if it had come alone. */
export class Http2ClientConnection implements PortConnection {
  readonly port: HttpPort;
  readonly origin: ClientOrigin;
  readonly tls: ClientTls | undefined;
  readonly patience: Patience;
  readonly #socket: Socket;
  readonly #session: ServerHttp2Session;
  readonly #streams = new Set<Http2ClientStream>();
  /** Means something while there are no streams: they have limits of their own. */
  readonly #deadline = new Deadline(() => this.#expired());
  #state: number = State.Fresh;
  #bytesRead = 0;

  /** @param socket with what was read of it already put back */
  constructor(port: HttpPort, socket: Socket, { parties, tls }: ConnectionStart) {
    this.port = port;
    this.origin = new ClientOrigin(port, socket, parties);
    this.tls = tls;
    this.patience = new Patience(port.worker.clock.now());
    this.#socket = socket;
    const session = performServerHandshake(socket, SESSION_OPTIONS);
    this.#session = session;
    session.on('stream', (stream, _headers, flags, fields) => this.#begin(stream, flags, fields));
    session.on('error', ignore);
    session.on('close', () => this.#gone());
    // HTTP/2 knows no half of a connection.
    socket.once('end', () => this.destroy());
    port.worker.deadlines.set(this.#deadline, port.requestHeaderMs);
    if (port.isDraining) this.drain();
  }

  #begin(stream: ServerHttp2Stream, flags: number, fields: readonly string[]): void {
    const { worker } = this.port;
    if (stream.destroyed) {
      this.#wasReset();
      return;
    }
    if (this.#state === State.Fresh) this.#state = State.Open;
    const request = new Http2ClientStream(this, stream);
    this.#streams.add(request);
    const hasBody = (flags & NGHTTP2_FLAG_END_STREAM) === 0;
    const reader = worker.incomingRequest;
    const fault = reader.read(fields, hasBody);
    this.patience.received(reader.size);
    if (fault === undefined) {
      this.origin.describe(reader.head);
      request.begin(reader.head, hasBody);
    } else this.#refuse(request, stream, fault);
  }

  #refuse(request: Http2ClientStream, stream: ServerHttp2Stream, fault: Fault): void {
    const code = requestError(fault);
    this.port.worker.reportRefused(code, fault, this.origin.peer);
    if (isMalformed(fault)) stream.close(NGHTTP2_PROTOCOL_ERROR);
    else request.refuse(replyFor(code));
  }

  /** @param isReset by the client, or for what it did */
  streamClosed(stream: Http2ClientStream, isReset: boolean): void {
    this.#streams.delete(stream);
    if (isReset) this.#wasReset();
    else this.patience.completed();
    if (this.#streams.size > 0 || this.#state === State.Closed) return;
    const { deadlines } = this.port.worker;
    // The client may be the one that has said goodbye.
    if (this.#session.closed) this.#state = State.Closing;
    deadlines.set(this.#deadline, this.#state === State.Closing ? LINGER_MS : this.port.idleMs);
  }

  #wasReset(): void {
    if (!this.patience.reset()) this.#loseIt();
  }

  #loseIt(): void {
    if (this.#session.destroyed) return;
    const { worker } = this.port;
    worker.reportRefused('DOWNSTREAM_FLOOD', '', this.origin.peer);
    this.#session.destroy(new Error('more than it is worth'), NGHTTP2_ENHANCE_YOUR_CALM);
    worker.deadlines.set(this.#deadline, LINGER_MS);
    this.#state = State.Closing;
  }

  // ---- PortConnection ----

  sweep(leaving: LeavingEndpoints, now: number): void {
    if (this.#session.destroyed) return;
    const { bytesRead } = this.#socket;
    const isAlive = bytesRead !== this.#bytesRead;
    this.#bytesRead = bytesRead;
    for (const stream of this.#streams) stream.sweep(leaving, now, isAlive);
    if (!this.patience.check(bytesRead, now)) this.#loseIt();
  }

  /**
   * What the client sends before it hears of it is not looked at, and the client is told so: it may send it again
   * elsewhere, whatever it is. (A notice that leaves it time, as RFC 9113 section 6.8 has it, is not to be had: nghttp2
   * takes no stream after any GOAWAY that Node sends.)
   */
  drain(): void {
    if (this.#state < State.Closing && !this.#session.destroyed) this.#close();
  }

  destroy(): void {
    this.#session.destroy();
    this.#socket.destroy();
    this.#gone();
  }

  // ---- the end ----

  #expired(): void {
    if (this.#streams.size > 0) return;
    if (this.#state === State.Closing) this.destroy();
    else this.#close();
  }

  /** Lets what is under way end, takes nothing new. */
  #close(): void {
    this.#state = State.Closing;
    this.#session.close();
    if (this.#streams.size === 0) this.port.worker.deadlines.set(this.#deadline, LINGER_MS);
  }

  #gone(): void {
    if (this.#state === State.Closed) return;
    this.#state = State.Closed;
    this.port.worker.deadlines.clear(this.#deadline);
    this.port.closed(this);
  }
}

function ignore(): void {}
