import { type ClientHttp2Stream, constants } from 'node:http2';
import { Sent } from '../../conn/sender.ts';
import type { ErrorCode } from '../../errors.ts';
import type { BackendOwner, BackendStream } from '../backend-stream.ts';
import { type BodyPiece, BodyRelay, UNANNOUNCED } from '../h1/body-relay.ts';
import { ChunkedDecoder } from '../h1/chunked-decoder.ts';
import { REFUSED, responseError } from '../h1/fault.ts';
import { MAX_INTERIM } from '../h1/limits.ts';
import type { ResponseHead } from '../h1/response-head.ts';
import type { HttpWorker } from '../http-worker.ts';
import type { RequestBody } from '../request-body.ts';
import type { BackendSession } from './backend-session.ts';
import { outgoingRequest } from './outgoing-request.ts';
import { readResponse } from './incoming-response.ts';
import { trailerLines } from './trailers.ts';
import { OWNER, type Owned, tellOwner } from './stream-events.ts';

const {
  NGHTTP2_CANCEL,
  NGHTTP2_FLAG_END_STREAM,
  NGHTTP2_HTTP_1_1_REQUIRED,
  NGHTTP2_NO_ERROR,
  NGHTTP2_PROTOCOL_ERROR,
  NGHTTP2_REFUSED_STREAM,
} = constants;

const State = { Head: 0, Body: 1, Over: 2 } as const;

const EMPTY = Buffer.alloc(0);

type OwnedStream = Owned<ClientHttp2Stream, SessionStream>;

/** One request and its response on an HTTP/2 session. */
export class SessionStream implements BackendStream {
  readonly protocol = 'HTTP/2';
  readonly mayRefuse = true;
  readonly mayTunnel = false;

  readonly #worker: HttpWorker;
  readonly #session: BackendSession;
  readonly #relay: BodyRelay;
  #owner: BackendOwner | undefined;
  #method = '';
  #state: number = State.Head;
  /** Absent until the head is sent. */
  #stream: OwnedStream | undefined;
  /** `closed` will come. */
  #isBegun = false;
  #begunAt = 0;
  /** For a request that comes in chunks. */
  #decoder: ChunkedDecoder | undefined;
  #requestTrailers = '';
  #isRequestDone = false;
  #listensForDrain = false;
  #interims = 0;
  #responseTrailers = '';
  /** What the stream has ended with, for a person. */
  error: Error | undefined;

  constructor(worker: HttpWorker, session: BackendSession) {
    this.#worker = worker;
    this.#session = session;
    this.#relay = new BodyRelay(worker.ranges);
  }

  begin(owner: BackendOwner, method: string): void {
    this.#owner = owner;
    this.#method = method;
  }

  /** Frames have lengths: no backend takes a body for a request. */
  useOnce(): void {}

  // ---- the request ----

  send(head: string, bytes: Buffer, piece: BodyPiece, keeps: boolean): Sent {
    const { before, after, ranges, rangeCount } = piece;
    const parts: Buffer[] = [];
    if (before !== '') parts.push(Buffer.from(before, 'latin1'));
    for (let i = 0; i < rangeCount; i++) {
      const part = bytes.subarray(ranges[i * 2], ranges[i * 2 + 1]);
      parts.push(keeps ? part : Buffer.from(part));
    }
    if (after !== '') parts.push(Buffer.from(after, 'latin1'));
    return this.#sendParts(head, parts, piece.done, piece.trailers);
  }

  sendHeld(head: string, { parts, trailers }: RequestBody, isLast: boolean): Sent {
    return this.#sendParts(head, parts, isLast, trailers);
  }

  #sendParts(head: string, parts: readonly Buffer[], isLast: boolean, trailers: string): Sent {
    this.#isRequestDone = isLast;
    this.#requestTrailers = trailers;
    const content = head === '' ? this.#contentOf(parts) : this.#start(head, parts, isLast);
    const stream = this.#stream;
    if (stream === undefined || stream.writableEnded || stream.destroyed) return Sent.Held;
    for (const part of content) stream.write(part);
    if (isLast) stream.end();
    return this.#outcome(stream);
  }

  /** Sends the head. Answers the content of the body that comes with it. */
  #start(head: string, parts: readonly Buffer[], isLast: boolean): readonly Buffer[] {
    const { list, isChunked } = outgoingRequest(head, this.#session.scheme);
    if (isChunked) this.#decoder = new ChunkedDecoder('content', this.#worker.ranges);
    const content = this.#contentOf(parts);
    const endStream = isLast && content.length === 0 && this.#requestTrailers === '';
    const waitForTrailers = isChunked && (!isLast || this.#requestTrailers !== '');
    this.#isBegun = true;
    this.#begunAt = this.#worker.clock.now();
    try {
      this.#stream = this.#session.request(list, { endStream, waitForTrailers });
    } catch (error) {
      this.error = error as Error;
      // Not before the owner knows that it was sent.
      process.nextTick(() => this.closed());
      return content;
    }
    this.#listen(this.#stream, waitForTrailers);
    return content;
  }

  /** What was framed for HTTP/1.1, without its framing. */
  #contentOf(parts: readonly Buffer[]): readonly Buffer[] {
    const decoder = this.#decoder;
    if (decoder === undefined) return parts;
    const content: Buffer[] = [];
    for (const part of parts) {
      for (let pos = 0; pos < part.length && !decoder.done;) {
        pos += decoder.decode(part, pos, part.length);
        for (let i = 0; i < decoder.rangeCount; i++) {
          content.push(part.subarray(decoder.ranges[i * 2], decoder.ranges[i * 2 + 1]));
        }
      }
    }
    return content;
  }

  #listen(stream: OwnedStream, waitsForTrailers: boolean): void {
    stream[OWNER] = this;
    stream.on('response', onResponse).on('close', tellOwner.close).on('error', onError);
    stream.on('headers', onInterim).on('trailers', tellOwner.trailers).on('end', tellOwner.end);
    if (waitsForTrailers) stream.on('wantTrailers', tellOwner.wantTrailers);
  }

  #outcome(stream: ClientHttp2Stream): Sent {
    if (!stream.writableNeedDrain) return Sent.Held;
    if (!this.#listensForDrain) {
      this.#listensForDrain = true;
      stream.on('drain', tellOwner.drain);
    }
    return Sent.Full;
  }

  drained(): void {
    this.#owner?.drained();
  }

  wantTrailers(): void {
    const stream = this.#stream!;
    if (!stream.destroyed && !stream.closed) sendTrailers(stream, this.#requestTrailers);
  }

  // ---- the response ----

  interim(fields: readonly string[]): void {
    if (this.#state !== State.Head) return;
    const head = this.#read(fields);
    if (head === undefined) return;
    this.#interims += 1;
    if (this.#interims > MAX_INTERIM) this.#break('UPSTREAM_PROTOCOL', 'too many interim responses');
    else this.#owner!.interim(head);
  }

  response(flags: number, fields: readonly string[]): void {
    if (this.#state !== State.Head) return;
    const head = this.#read(fields);
    if (head === undefined) return;
    const framing = this.#owner!.response(head);
    if (framing === undefined) {
      this.destroy();
      return;
    }
    this.#state = State.Body;
    const length = head.hasContentLength ? head.contentLength : UNANNOUNCED;
    this.#relay.reset(head.body === 'none' ? 'none' : 'frames', length, framing);
    if ((flags & NGHTTP2_FLAG_END_STREAM) !== 0) this.#finish();
    else this.#beginBody(this.#stream!);
  }

  #read(fields: readonly string[]): ResponseHead | undefined {
    this.#session.heard();
    const head = this.#worker.responseHead;
    const fault = readResponse(fields, this.#method, head);
    if (fault === undefined) return head;
    this.#break(responseError(fault), fault);
    return undefined;
  }

  /** What has come already goes on with the head. */
  #beginBody(stream: OwnedStream): void {
    const early = stream.read() as Buffer | null;
    this.data(early ?? EMPTY);
    if (this.#state === State.Body) stream.on('data', tellOwner.data);
  }

  data(bytes: Buffer): void {
    if (this.#state !== State.Body) return;
    const relay = this.#relay;
    if (relay.read(bytes, 0, bytes.length) === REFUSED) {
      this.#break('UPSTREAM_PROTOCOL', relay.fault);
      return;
    }
    this.#session.heard();
    const sent = this.#owner!.piece(bytes, relay, true);
    if (this.#state !== State.Body) return;
    if (relay.done) this.#complete();
    else if (sent === Sent.Full) this.#stream!.pause();
  }

  trailers(fields: readonly string[]): void {
    if (this.#state === State.Over) return;
    const trailers = trailerLines(fields, 'backend');
    if (trailers === undefined) this.#break('UPSTREAM_PROTOCOL', 'trailer_invalid');
    else this.#responseTrailers = trailers;
  }

  end(): void {
    // Node also says `end` when the session was lost; what that means is told by `close`.
    if (this.#state === State.Body && this.#stream!.rstCode === NGHTTP2_NO_ERROR) this.#finish();
  }

  #finish(): void {
    const relay = this.#relay;
    if (!relay.done && !relay.end(this.#responseTrailers)) {
      this.#break('UPSTREAM_PROTOCOL', 'cl_mismatch');
      return;
    }
    this.#owner!.piece(EMPTY, relay, true);
    if (this.#state === State.Body) this.#complete();
  }

  #complete(): void {
    const owner = this.#owner!;
    this.#owner = undefined;
    this.#state = State.Over;
    const stream = this.#stream!;
    // The backend has answered without all of the request, and may never take the rest.
    if (this.#isRequestDone && stream.writableFinished) stream.resume();
    else this.#cancel();
    owner.responded();
  }

  resume(): void {
    if (this.#state === State.Body) this.#stream!.resume();
  }

  /** There are no tunnels over HTTP/2. */
  endTunnel(): void {}

  // ---- the end ----

  destroy(): void {
    if (this.#state === State.Over) return;
    this.#state = State.Over;
    this.#owner = undefined;
    if (!this.#isBegun) this.#session.streamEnded();
    else if (this.#stream !== undefined) this.#cancel();
  }

  #cancel(): void {
    const stream = this.#stream!;
    if (!stream.closed) stream.close(NGHTTP2_CANCEL);
    stream.destroy();
    this.#session.gaveUp(this.#begunAt);
  }

  #break(code: ErrorCode, detail: string): void {
    const owner = this.#owner;
    this.destroy();
    owner?.broke(code, detail);
  }

  /** Told once for each stream that was begun, whichever way it ended. */
  closed(): void {
    const owner = this.#owner;
    this.#owner = undefined;
    const wasOver = this.#state === State.Over;
    const isUnanswered = this.#state === State.Head && this.#interims === 0;
    this.#state = State.Over;
    this.#session.streamEnded();
    if (wasOver) return;
    const { code, detail } = this.#whyClosed(isUnanswered);
    owner?.broke(code, detail);
  }

  #whyClosed(isUnanswered: boolean): { code: ErrorCode; detail: string } {
    const stream = this.#stream;
    const detail = (this.#session.error ?? this.error)?.message ?? 'closed by the backend';
    if (stream === undefined) return { code: 'UPSTREAM_REFUSED_STREAM', detail };
    const isRefused = stream.rstCode === NGHTTP2_REFUSED_STREAM || this.#session.hasRefused(stream);
    if (isUnanswered && isRefused) return { code: 'UPSTREAM_REFUSED_STREAM', detail };
    const isProtocol =
      stream.rstCode === NGHTTP2_PROTOCOL_ERROR || stream.rstCode === NGHTTP2_HTTP_1_1_REQUIRED;
    return { code: isProtocol ? 'UPSTREAM_PROTOCOL' : 'UPSTREAM_RESET', detail };
  }
}

function sendTrailers(stream: ClientHttp2Stream, lines: string): void {
  const trailers: Record<string, string> = {};
  for (const line of lines.split('\r\n')) {
    const nameEnd = line.indexOf(':');
    if (nameEnd > 0) trailers[line.slice(0, nameEnd).toLowerCase()] = line.slice(nameEnd + 1).trim();
  }
  stream.sendTrailers(trailers);
}

// One function for all streams, rather than one for each.

function onInterim(this: OwnedStream, _headers: unknown, _flags: number, fields: readonly string[]): void {
  this[OWNER]!.interim(fields);
}

function onResponse(this: OwnedStream, _headers: unknown, flags: number, fields: readonly string[]): void {
  this[OWNER]!.response(flags, fields);
}

function onError(this: OwnedStream, error: Error): void {
  this[OWNER]!.error = error;
}
