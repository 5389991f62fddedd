import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  type ClientSessionRequestOptions,
  connect as connectHttp2,
  type Settings,
} from 'node:http2';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { connectEndpoint } from '../../conn/connect-endpoint.ts';
import { Deadline } from '../../conn/deadlines.ts';
import { hostPort } from '../../../lib/host-port.ts';
import type { EndpointState } from '../../state/endpoint-state.ts';
import type { ClientContext } from '../../tls/client-context.ts';
import { MAX_HEADERS, MAX_RESPONSE_HEAD_BYTES } from '../h1/limits.ts';
import type { HttpWorker } from '../http-worker.ts';
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

/** What a response may have on its way while its client takes nothing: what a stalled one costs. */
const STREAM_WINDOW_BYTES = 262_144;
/** For all streams together; Node opens it again as it reads, so that a stalled stream does not hold up the others. */
const SESSION_WINDOW_BYTES = 4_194_304;

/** A lost peer is found out by the kernel: PINGs to the same end count as abuse with gRPC servers. */
const TCP_KEEPALIVE_MS = 15_000;
/** A backend that has let a request down without a word is asked whether it is still there, this often at most. */
const PING_INTERVAL_MS = 10_000;
const PING_TIMEOUT_MS = 5_000;

const OPTIONS: ClientSessionOptions = {
  settings: {
    enablePush: false,
    initialWindowSize: STREAM_WINDOW_BYTES,
    maxHeaderListSize: MAX_RESPONSE_HEAD_BYTES,
  },
  maxHeaderListPairs: MAX_HEADERS + 1,
  // Megabytes. What is queued is bounded by its streams, each of which stops its client when it is full.
  maxSessionMemory: 1_024,
};

/** One HTTP/2 connection to an endpoint, with prior knowledge (RFC 9113 section 3.3) or by ALPN over TLS: open once the backend's SETTINGS came. */
export class BackendSession {
  readonly endpoint: EndpointState;
  readonly scheme: 'http' | 'https';
  /** Streams at one time that the backend takes. */
  maxStreams = 0;

  readonly #worker: HttpWorker;
  readonly #owner: SessionOwner;
  readonly #session: ClientHttp2Session;
  readonly #deadline = new Deadline(() => this.#expired());
  readonly #pingDeadline = new Deadline(() => this.destroy(failure('ETIMEDOUT', 'a PING was not answered')));
  readonly #isShared: boolean;
  readonly #tls: ClientContext | undefined;
  #state: number = State.Opening;
  #streams = 0;
  #requests = 0;
  /** The last stream that the backend may have looked at; what came after it, it has not. */
  #lastStreamId = Infinity;
  #error: Error | undefined;
  #heardAt = 0;
  #pingedAt = -Infinity;

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
    const socket = this.#connect(how.introduction);
    this.scheme = endpoint.tls === undefined ? 'http' : 'https';
    const session = connectHttp2(`${this.scheme}://${hostPort(endpoint.address, endpoint.port)}`, {
      ...OPTIONS,
      createConnection: () => socket,
    });
    this.#session = session;
    session.on('connect', () => {
      if (!session.destroyed) session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    });
    session.on('remoteSettings', (settings) => this.#onSettings(settings));
    session.on('goaway', (_, lastStreamId) => {
      this.#lastStreamId = lastStreamId;
      this.retire();
    });
    session.on('error', (error) => {
      this.#error ??= error;
    });
    session.on('close', () => this.#end());
    worker.deadlines.set(this.#deadline, how.connectMs);
  }

  #connect(introduction: Buffer | undefined): Socket {
    const socket = connectEndpoint(this.endpoint, {
      introduction,
      protocols: ['h2'],
      keepAliveMs: TCP_KEEPALIVE_MS,
    });
    if (socket instanceof TLSSocket) {
      // A backend that has settled on nothing by ALPN speaks HTTP/1.1 (RFC 9113 section 3.2).
      socket.once('secureConnect', () => {
        if (socket.alpnProtocol === 'h2') return;
        this.destroy(failure('ERR_TLS_ALPN', 'the backend does not speak HTTP/2'));
        socket.destroy();
      });
    }
    const worker = this.#worker;
    worker.backendConnections += 1;
    socket.once('close', () => {
      worker.backendConnections -= 1;
    });
    return socket;
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

  get hasRoom(): boolean {
    return this.#state === State.Open && this.#streams < this.maxStreams;
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

  /** Throws when the session has ended since the stream was opened. */
  request(fields: string[], options: ClientSessionRequestOptions): ClientHttp2Stream {
    return this.#session.request(fields, options);
  }

  heard(): void {
    this.#heardAt = this.#worker.deadlines.coarseNow;
  }

  /** Has the backend said that it has not looked at this stream? */
  hasRefused(stream: ClientHttp2Stream): boolean {
    return stream.id === undefined || stream.id > this.#lastStreamId;
  }

  /** The error that the session has ended with. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Nobody waits any more for the response to a request that was sent at `sentAt`. */
  gaveUp(sentAt: number): void {
    const { deadlines, clock } = this.#worker;
    if (this.#session.destroyed || this.#heardAt >= sentAt) return;
    const now = clock.now();
    if (now - this.#pingedAt < PING_INTERVAL_MS) return;
    this.#pingedAt = now;
    deadlines.set(this.#pingDeadline, PING_TIMEOUT_MS);
    this.#session.ping(() => deadlines.clear(this.#pingDeadline));
  }

  streamEnded(): void {
    this.#streams -= 1;
    if (this.#state === State.Open) {
      if (this.#streams === 0) this.#worker.deadlines.set(this.#deadline, IDLE_MS);
      this.#owner.roomFreed();
    } else if (this.#state === State.Retired && this.#streams === 0) this.#session.close();
  }

  // ---- its life ----

  #onSettings({ maxConcurrentStreams = MAX_STREAMS }: Settings): void {
    this.maxStreams = Math.min(maxConcurrentStreams, MAX_STREAMS);
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

  /** Takes no further streams, and ends with the last that it has. */
  retire(): void {
    if (this.#state !== State.Open) return;
    this.#state = State.Retired;
    this.#worker.deadlines.clear(this.#deadline);
    if (this.#streams === 0) this.#session.close();
    this.#owner.retired();
  }

  /** Ends it with all its streams. Idempotent. */
  destroy(error?: Error): void {
    this.#error ??= error;
    this.#session.destroy();
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
