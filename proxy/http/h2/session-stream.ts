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
import { Http2Code } from './core/protocol.ts';
import type { EndedBy, Http2Stream, StreamOwner } from './core/stream.ts';
import type { Fields } from './hpack/fields.ts';
import { readResponse } from './incoming-response.ts';
import { writeRequest } from './outgoing-request.ts';
import { readTrailers } from './trailers.ts';

const State = { Head: 0, Body: 1, Over: 2 } as const;

const EMPTY = Buffer.alloc(0);

/** The one range of a part that is sent whole. */
const whole = new Int32Array(2);

/** One request and its response on an HTTP/2 session. */
export class SessionStream implements BackendStream, StreamOwner {
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
  #stream: Http2Stream | undefined;
  #begunAt = 0;
  /** For a request that comes in chunks. */
  #decoder: ChunkedDecoder | undefined;
  #isRequestDone = false;
  #interims = 0;
  #isClosed = false;
  #responseTrailers = '';

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

  send(head: string, bytes: Buffer, piece: BodyPiece): Sent {
    if (!piece.isContent) return this.#sendParts(head, partsOf(bytes, piece), piece);
    this.#isRequestDone = piece.done;
    const { rangeCount, done, trailers } = piece;
    if (head !== '') {
      if (!this.#start(head)) return Sent.Flushed;
      const isWhole = done && rangeCount === 0 && trailers === '';
      this.#stream!.sendHead(isWhole);
      if (isWhole || (rangeCount === 0 && !done)) return Sent.Flushed;
    }
    return outcome(this.#stream!.send(bytes, piece), done);
  }

  sendHeld(head: string, { parts, trailers }: RequestBody, isLast: boolean): Sent {
    return this.#sendParts(head, parts, { done: isLast, trailers });
  }

  /** Parts of a body that may be framed for HTTP/1.1. */
  #sendParts(
    head: string,
    parts: readonly Buffer[],
    { done, trailers }: Pick<BodyPiece, 'done' | 'trailers'>,
  ): Sent {
    this.#isRequestDone = done;
    if (head !== '' && !this.#start(head)) return Sent.Flushed;
    const stream = this.#stream!;
    const content = this.#contentOf(parts);
    if (head !== '') stream.sendHead(done && content.length === 0 && trailers === '');
    let sent: Sent = Sent.Flushed;
    for (const part of content) {
      whole[1] = part.length;
      sent = stream.send(part, { ranges: whole, rangeCount: 1, done: false, trailers: '' });
    }
    if (!done || stream.isSent) return sent;
    return outcome(stream.send(EMPTY, { ranges: whole, rangeCount: 0, done, trailers }), done);
  }

  /** Writes the head; `sendHead` is to follow. False: the session has ended since the stream was opened. */
  #start(head: string): boolean {
    const stream = this.#session.begin(this);
    this.#stream = stream;
    this.#begunAt = this.#worker.clock.now();
    const encoder = stream.beginHead();
    if (encoder === undefined) {
      // Not before the owner knows that it was sent.
      process.nextTick(() => this.closed(Http2Code.RefusedStream, 'goaway'));
      return false;
    }
    if (writeRequest(encoder, head, this.#session.scheme))
      this.#decoder = new ChunkedDecoder('content', this.#worker.ranges);
    return true;
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

  drained(): void {
    this.#owner?.drained();
  }

  // ---- the response ----

  head(fields: Fields, isInterim: boolean, isLast: boolean): void {
    this.#session.heard();
    if (this.#state !== State.Head) return;
    const head = this.#worker.responseHead;
    const fault = readResponse(fields, this.#method, head);
    if (fault !== undefined) this.#break(responseError(fault), fault);
    else if (isInterim) this.#interim(head);
    else this.#respond(head, isLast);
  }

  #interim(head: ResponseHead): void {
    this.#interims += 1;
    // There is nothing to switch to (RFC 9113 section 8.6).
    if (head.status === 101) this.#break('UPSTREAM_PROTOCOL', 'status_line');
    else if (this.#interims > MAX_INTERIM) this.#break('UPSTREAM_PROTOCOL', 'too many interim responses');
    else this.#owner!.interim(head);
  }

  #respond(head: ResponseHead, isLast: boolean): void {
    const framing = this.#owner!.response(head);
    if (framing === undefined) {
      this.destroy();
      return;
    }
    this.#state = State.Body;
    const length = head.hasContentLength ? head.contentLength : UNANNOUNCED;
    this.#relay.reset(head.body === 'none' ? 'none' : 'frames', length, framing);
    if (isLast) this.end();
    else this.data(EMPTY, 0, 0);
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (this.#state !== State.Body) {
      // Nobody takes it, and it need not be sent.
      this.#stream!.reset(Http2Code.Cancel);
      return;
    }
    const relay = this.#relay;
    if (relay.read(bytes, start, end) === REFUSED) {
      this.#break('UPSTREAM_PROTOCOL', relay.fault);
      return;
    }
    this.#session.heard();
    const sent = this.#owner!.piece(bytes, relay, false);
    if (this.#state !== State.Body) return;
    if (relay.done) this.#complete();
    else if (sent === Sent.Full) this.#stream!.pause();
  }

  trailers(fields: Fields): void {
    if (this.#state === State.Over) return;
    const trailers = readTrailers(fields, 'backend');
    if (trailers === undefined) this.#break('UPSTREAM_PROTOCOL', 'trailer_invalid');
    else this.#responseTrailers = trailers;
  }

  end(): void {
    if (this.#state !== State.Body) return;
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
    // The backend has answered without all of the request, and may never take the rest.
    if (!this.#isRequestDone || !this.#stream!.isSent) this.#cancel();
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
    if (this.#stream === undefined) this.#session.streamEnded();
    else this.#cancel();
  }

  #cancel(): void {
    this.#stream!.reset(Http2Code.Cancel);
    this.#session.gaveUp(this.#begunAt);
  }

  #break(code: ErrorCode, detail: string): void {
    const owner = this.#owner;
    this.destroy();
    owner?.broke(code, detail);
  }

  closed(code: number, by: EndedBy): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const owner = this.#owner;
    this.#owner = undefined;
    const wasOver = this.#state === State.Over;
    const isUnanswered = this.#state === State.Head && this.#interims === 0;
    this.#state = State.Over;
    this.#session.streamEnded();
    if (wasOver || owner === undefined) return;
    const isLost = by === 'connection';
    const detail = this.#session.error?.message ?? (isLost ? 'closed' : `ended with code ${code}`);
    const wasNotLookedAt = by === 'goaway' || (by === 'peer' && code === Http2Code.RefusedStream);
    if (isUnanswered && wasNotLookedAt) owner.broke('UPSTREAM_REFUSED_STREAM', detail);
    else owner.broke(isProtocol(code) ? 'UPSTREAM_PROTOCOL' : 'UPSTREAM_RESET', detail);
  }
}

/** When all was given, what is held leaves as the backend takes it, and nobody waits for that. */
function outcome(sent: Sent, done: boolean): Sent {
  return done ? Sent.Flushed : sent;
}

/** The two ends do not understand each other. */
function isProtocol(code: number): boolean {
  return code === Http2Code.ProtocolError || code === Http2Code.Http11Required;
}

/** The pieces of a body as buffers of their own. */
function partsOf(bytes: Buffer, { before, ranges, rangeCount, after }: BodyPiece): Buffer[] {
  const parts: Buffer[] = [];
  if (before !== '') parts.push(Buffer.from(before, 'latin1'));
  for (let i = 0; i < rangeCount; i++) {
    parts.push(Buffer.from(bytes.subarray(ranges[i * 2], ranges[i * 2 + 1])));
  }
  if (after !== '') parts.push(Buffer.from(after, 'latin1'));
  return parts;
}
