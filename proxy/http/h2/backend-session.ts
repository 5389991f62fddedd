import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { connectEndpoint, openedEvent } from '../../conn/connect-endpoint.ts';
import { Deadline } from '../../conn/deadlines.ts';
import type { EndpointState } from '../../state/endpoint-state.ts';
import type { ClientContext } from '../../tls/client-context.ts';
import { MAX_HEADERS, MAX_RESPONSE_HEAD_BYTES } from '../h1/limits.ts';
import type { HttpWorker } from '../http-worker.ts';
import { Http2Connection } from './core/connection.ts';
import type { ConnectionOptions, ConnectionOwner } from './core/connection-owner.ts';
import type { Http2Stream, StreamOwner } from './core/stream.ts';
import type { Scheme } from './outgoing-request.ts';
import { SessionStream } from './session-stream.ts';

/** Whose session it is. */
export interface SessionOwner {
  /** It may be used. */
  opened(session: BackendSession): void;
  /** A stream has ended: there may be room for another one. */
  roomFreed(): void;
  /** It takes no further streams. */
  retired(): void;
  /** It is gone. @param openError why it has never been open */
  closed(session: BackendSession, openError: Error | undefined): void;
}

const State = { Opening: 0, Open: 1, Retired: 2, Closed: 3 } as const;

/** So that the loss of one connection is not the loss of everything, whatever the backend allows. */
const MAX_STREAMS = 1_000;
/** Ids of streams are odd numbers of 31 bits. */
const MAX_REQUESTS = 2 ** 30 - 1;
const IDLE_MS = 60_000;

/**
 * Resets that a session sends in a while before another one takes its place. A server takes a peer that sends more for
 * an attacker, and ends the connection with all that is on it: Netty at 200 in 30 seconds, nghttp2 at 1,000 and 33 a
 * second. Those whose requests are on it have not done anything.
 */
const MAX_RESETS = 100;
const RESETS_MS = 30_000;

/** What a response may have on its way while its client takes nothing: what a stalled one costs. */
const STREAM_WINDOW_BYTES = 262_144;
/** For all streams together: a stalled stream does not hold up the others. */
const SESSION_WINDOW_BYTES = 4_194_304;

/** A lost peer is found out by the kernel: PINGs to the same end count as abuse with gRPC servers. */
const TCP_KEEPALIVE_MS = 15_000;
/** A backend that has let a request down without a word is asked whether it is still there, this often at most. */
const PING_INTERVAL_MS = 10_000;
const PING_TIMEOUT_MS = 5_000;

const OPTIONS: ConnectionOptions = {
  role: 'client',
  streamWindow: STREAM_WINDOW_BYTES,
  grownStreamWindow: STREAM_WINDOW_BYTES,
  connectionWindow: SESSION_WINDOW_BYTES,
  maxStreams: 0,
  maxHeadBytes: MAX_RESPONSE_HEAD_BYTES,
  maxFields: MAX_HEADERS + 1,
};

/** One HTTP/2 connection to an endpoint, with prior knowledge (RFC 9113 section 3.3) or by ALPN over TLS: open once the backend's SETTINGS came. */
export class BackendSession implements ConnectionOwner {
  readonly endpoint: EndpointState;
  readonly scheme: Scheme;
  /** Streams at one time that the backend takes. */
  maxStreams = 0;

  readonly #worker: HttpWorker;
  readonly #owner: SessionOwner;
  readonly #socket: Socket;
  /** Absent until the socket is open. */
  #connection: Http2Connection | undefined;
  readonly #deadline = new Deadline(() => this.#expired());
  readonly #pingDeadline = new Deadline(() => this.destroy(failure('ETIMEDOUT', 'a PING was not answered')));
  readonly #isShared: boolean;
  readonly #tls: ClientContext | undefined;
  #state: number = State.Opening;
  #streams = 0;
  #requests = 0;
  #error: Error | undefined;
  #heardAt = 0;
  #pingedAt = -Infinity;
  #resets = 0;
  #resetsSince = -Infinity;

  /** @param introduction says whose session this is, before anything else: it is for one request then */
  constructor(
    worker: HttpWorker,
    endpoint: EndpointState,
    owner: SessionOwner,
    how: { readonly connectMs: number; readonly introduction: Buffer | undefined },
  ) {
    this.#worker = worker;
    this.endpoint = endpoint;
    this.#owner = owner;
    this.#isShared = how.introduction === undefined;
    this.#tls = endpoint.tls;
    this.scheme = endpoint.tls === undefined ? 'http' : 'https';
    this.#socket = this.#connect(how.introduction);
    worker.deadlines.set(this.#deadline, how.connectMs);
  }

  #connect(introduction: Buffer | undefined): Socket {
    const worker = this.#worker;
    const { shared } = worker.buffers;
    const socket = connectEndpoint(this.endpoint, {
      introduction,
      protocols: ['h2'],
      keepAliveMs: TCP_KEEPALIVE_MS,
      onread: {
        buffer: shared,
        callback: (length) => {
          this.#connection?.receive(shared, 0, length);
          return true;
        },
      },
    });
    worker.backendConnections += 1;
    socket.once(openedEvent(socket), () => this.#connected(socket));
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.once('close', () => {
      worker.backendConnections -= 1;
      this.#end();
    });
    return socket;
  }

  #connected(socket: Socket): void {
    // A backend that has settled on nothing by ALPN speaks HTTP/1.1 (RFC 9113 section 3.2).
    if (socket instanceof TLSSocket && socket.alpnProtocol !== 'h2')
      this.destroy(failure('ERR_TLS_ALPN', 'the backend does not speak HTTP/2'));
    else this.#connection = new Http2Connection(this.#worker, socket, this, OPTIONS);
  }

  get isOpening(): boolean {
    return this.#state === State.Opening;
  }

  /** Open, and nobody uses it. */
  get isIdle(): boolean {
    return this.#state === State.Open && this.#streams === 0;
  }

  /** Is it to its endpoint as that is spoken to now, with the same TLS? */
  get isCurrent(): boolean {
    return !this.endpoint.isGone && this.#tls === this.endpoint.tls;
  }

  /** Not while the streams of a lost connection hear of it, one after the other: they may look for another one. */
  get hasRoom(): boolean {
    return this.#state === State.Open && this.#streams < this.maxStreams && !this.#connection!.isOver;
  }

  /** A place for one request; `hasRoom` is true. */
  openStream(): SessionStream {
    this.#streams += 1;
    this.#requests += 1;
    this.#worker.deadlines.clear(this.#deadline);
    if (!this.#isShared || this.#requests === MAX_REQUESTS) this.retire();
    return new SessionStream(this.#worker, this);
  }

  // ---- for its streams ----

  /** The stream of one that `openStream` has given. */
  begin(owner: StreamOwner): Http2Stream {
    return this.#connection!.openStream(owner);
  }

  heard(): void {
    this.#heardAt = this.#worker.deadlines.coarseNow;
  }

  /** The error that the session has ended with. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Nobody waits any more for the response to a request that was sent at `sentAt`: its stream was reset. */
  gaveUp(sentAt: number): void {
    const { deadlines, clock } = this.#worker;
    this.#countReset(deadlines.coarseNow);
    if (this.#state === State.Closed || this.#heardAt >= sentAt) return;
    const now = clock.now();
    if (now - this.#pingedAt < PING_INTERVAL_MS) return;
    this.#pingedAt = now;
    deadlines.set(this.#pingDeadline, PING_TIMEOUT_MS);
    this.#connection!.ping();
  }

  #countReset(now: number): void {
    if (now - this.#resetsSince >= RESETS_MS) {
      this.#resetsSince = now;
      this.#resets = 0;
    }
    this.#resets += 1;
    if (this.#resets === MAX_RESETS) this.retire();
  }

  streamEnded(): void {
    this.#streams -= 1;
    if (this.#state === State.Open) {
      if (this.#streams === 0) this.#worker.deadlines.set(this.#deadline, IDLE_MS);
      this.#owner.roomFreed();
    } else if (this.#state === State.Retired && this.#streams === 0) this.#connection!.close();
  }

  // ---- ConnectionOwner ----

  /** To a server alone. */
  opened(): void {}

  settled(): void {
    this.maxStreams = Math.min(this.#connection!.peer.maxStreams, MAX_STREAMS);
    if (this.#state === State.Open) this.#owner.roomFreed();
    if (this.#state !== State.Opening) return;
    if (this.maxStreams === 0) {
      this.destroy(failure('ECONNREFUSED', 'the backend takes no streams'));
      return;
    }
    this.#state = State.Open;
    this.heard();
    this.#worker.deadlines.set(this.#deadline, IDLE_MS);
    this.#owner.opened(this);
  }

  goingAway(): void {
    this.retire();
  }

  pong(): void {
    this.#worker.deadlines.clear(this.#pingDeadline);
  }

  closed(error: Error | undefined): void {
    this.#error ??= error;
    this.#end();
  }

  // ---- its life ----

  /** Takes no further streams, and ends with the last that it has. */
  retire(): void {
    if (this.#state !== State.Open) return;
    this.#state = State.Retired;
    this.#worker.deadlines.clear(this.#deadline);
    if (this.#streams === 0) this.#connection!.close();
    this.#owner.retired();
  }

  /** Ends it with all its streams. Idempotent. */
  destroy(error?: Error): void {
    this.#error ??= error;
    if (this.#connection === undefined) this.#socket.destroy();
    else this.#connection.destroy(error);
    this.#end();
  }

  #end(): void {
    if (this.#state === State.Closed) return;
    const isNew = this.#state === State.Opening;
    this.#state = State.Closed;
    const { deadlines } = this.#worker;
    deadlines.clear(this.#deadline);
    deadlines.clear(this.#pingDeadline);
    this.#owner.closed(
      this,
      isNew ? (this.#error ?? failure('ECONNRESET', 'closed by the backend')) : undefined,
    );
  }

  #expired(): void {
    if (this.#state === State.Opening)
      this.destroy(failure('ETIMEDOUT', 'the backend did not answer in time'));
    else if (this.isIdle) this.retire();
  }
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
