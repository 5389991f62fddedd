import { constants, type ServerHttp2Stream } from 'node:http2';
import { Sent } from '../../conn/sender.ts';
import type { Parties } from '../../listen/proxy-protocol.ts';
import type { LeavingEndpoints } from '../../upstream/leaving-endpoints.ts';
import type { ClientStream } from '../client-stream.ts';
import type { ClientTls } from '../client-tls.ts';
import { Exchange } from '../exchange.ts';
import { type BodyFraming, type BodyPiece, BodyRelay, UNANNOUNCED } from '../h1/body-relay.ts';
import { type Fault, REFUSED, requestError } from '../h1/fault.ts';
import type { RequestHead } from '../h1/request-head.ts';
import type { ResponseHead } from '../h1/response-head.ts';
import type { Reply } from '../replies.ts';
import type { RouteTarget } from '../route-target.ts';
import type { Http2ClientConnection } from './client-connection.ts';
import { addLines, type Fields, fieldsObject, replyFields, responseFields } from './outgoing-response.ts';
import { trailerLines } from './trailers.ts';
import { OWNER, type Owned, tellOwner } from './stream-events.ts';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_PROTOCOL_ERROR } = constants;

const NOTHING = Buffer.alloc(0);

// Whether there is a Date is the backend's affair.
const WITHOUT_BODY = { endStream: true, sendDate: false };
const WITH_BODY = { endStream: false, sendDate: false };
/**
 * For every body that does not come at once. Not only for its trailers: a stream that is closed early ends its last
 * DATA frame as if all had been said, unless trailers are to follow.
 */
const WITH_TRAILERS = { waitForTrailers: true, sendDate: false };

type OwnedStream = Owned<ServerHttp2Stream, Http2ClientStream>;

/** One request of a client's HTTP/2 connection, and its response. */
export class Http2ClientStream implements ClientStream {
  readonly #connection: Http2ClientConnection;
  readonly #stream: OwnedStream;
  readonly #relay: BodyRelay;
  /** Until the exchange is over. */
  #exchange: Exchange | undefined;
  #expectsContinue = false;
  /** What came as trailers, until the body before them has been read. */
  #trailers = '';
  /** Head of the response that goes out with its first piece. */
  #fields: Fields | undefined;
  /** The response was begun so that trailers may end it. */
  #awaitsTrailers = false;
  /** Trailers of the response, once all of it was written. */
  #lastFields: Fields | undefined;
  #listensForDrain = false;
  /** We ended it too early, and not for what the client did. */
  #isAborted = false;
  /** The response was over before the request was. */
  #isLeftEarly = false;
  /** When the exchange was over and some of the response was not sent; 0: not yet. */
  #leftAt = 0;

  constructor(connection: Http2ClientConnection, stream: ServerHttp2Stream) {
    const { worker } = connection.port;
    this.#connection = connection;
    this.#stream = stream;
    this.#relay = new BodyRelay(worker.ranges);
    this.#stream[OWNER] = this;
    stream.on('close', tellOwner.close);
    stream.on('error', ignore);
  }

  // ---- the request ----

  /** @param hasBody the stream did not end with its head */
  begin(head: RequestHead, hasBody: boolean): void {
    const { worker, table } = this.#connection.port;
    const relay = this.#relay;
    if (hasBody) {
      relay.reset('frames', head.body === 'length' ? head.contentLength : UNANNOUNCED, head.body);
    } else relay.reset('none', 0, 'none');
    this.#expectsContinue = head.expectsContinue;
    const exchange = (worker.takeExchange() ?? new Exchange(worker)).serve(this);
    this.#exchange = exchange;
    const takesBody = exchange.begin(head, table, NOTHING, relay);
    if (!hasBody || this.#exchange === undefined) return;
    this.#stream.on('trailers', tellOwner.trailers).on('end', tellOwner.end).on('data', tellOwner.data);
    if (!takesBody) this.#stream.pause();
  }

  /** A request that is not passed on. */
  refuse(reply: Reply): void {
    this.reply(reply);
    this.ended(this.#stream.readableEnded || this.#stream.endAfterHeaders);
  }

  data(bytes: Buffer): void {
    this.#connection.patience.moved(bytes.length);
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    if (this.#relay.read(bytes, 0, bytes.length) === REFUSED) this.#malformed(this.#relay.fault);
    else if (!exchange.requestPiece(bytes, this.#relay)) this.#stream.pause();
  }

  trailers(fields: readonly string[]): void {
    const lines = trailerLines(fields);
    if (lines === undefined) this.#malformed('trailer_invalid');
    else this.#trailers = lines;
  }

  /** The request is complete; or the client took it back, which looks alike. */
  end(): void {
    const exchange = this.#exchange;
    if (exchange === undefined || this.#stream.closed) return;
    if (this.#relay.end(this.#trailers)) exchange.requestPiece(NOTHING, this.#relay);
    else this.#malformed('cl_mismatch');
  }

  #malformed(fault: Fault): void {
    this.#reset(NGHTTP2_PROTOCOL_ERROR);
    this.#exchange?.clientFailed(requestError(fault), fault);
  }

  drained(): void {
    this.#exchange?.clientDrained();
  }

  /** The stream is no more. */
  closed(): void {
    const exchange = this.#exchange;
    if (exchange !== undefined) {
      exchange.clientGone();
      this.#letGo();
    }
    this.#connection.streamClosed(this, this.#stream.rstCode !== NGHTTP2_NO_ERROR && !this.#isAborted);
  }

  /** @param isAlive something came from the client since the last time */
  sweep(leaving: LeavingEndpoints, now: number, isAlive: boolean): void {
    if (this.#exchange === undefined) {
      if (now - this.#leftAt >= this.#connection.port.idleMs) this.#reset(NGHTTP2_CANCEL);
      return;
    }
    if (isAlive) this.#exchange.clientAlive();
    this.#exchange.endOverdue(leaving, now);
  }

  // ---- ClientStream ----

  get isSecure(): boolean {
    return this.#connection.port.scheme === 'https';
  }

  get tls(): ClientTls | undefined {
    return this.#connection.tls;
  }

  get parties(): Parties | undefined {
    return this.#connection.origin.parties;
  }

  forwardedLines(head: RequestHead): string {
    return this.#connection.origin.forwardedLines(head);
  }

  interim(head: ResponseHead): void {
    if (head.status === 100) {
      if (!this.#expectsContinue) return;
      this.#expectsContinue = false;
    }
    this.#sendInterim(responseFields(head));
  }

  sendContinue(): void {
    this.#expectsContinue = false;
    this.#sendInterim([':status', '100']);
  }

  #sendInterim(fields: Fields): void {
    if (!this.#isGone) this.#stream.additionalHeaders(fieldsObject(fields));
  }

  startResponse(head: ResponseHead, extra: string, target: RouteTarget): BodyFraming {
    this.#fields = responseFields(head, { extra, edit: target.filters.response });
    return head.body === 'none' ? 'none' : 'frames';
  }

  send(bytes: Buffer, piece: BodyPiece, keeps: boolean): Sent {
    if (this.#isGone) return Sent.Full;
    const fields = this.#fields;
    if (fields !== undefined) {
      this.#fields = undefined;
      if (!this.#respond(fields, piece)) return Sent.Held;
    }
    const size = keeps
      ? writeKept(this.#stream, bytes, piece)
      : this.#connection.port.worker.copies.write(this.#stream, bytes, piece);
    if (size > 0) this.#connection.patience.moved(size);
    if (piece.trailers !== '') this.#lastFields = addLines([], piece.trailers);
    if (piece.done) this.#stream.end();
    return this.#outcome(piece.done);
  }

  /** Answers whether there is anything else to send. */
  #respond(fields: Fields, { done, trailers, rangeCount }: BodyPiece): boolean {
    const isEmpty = done && trailers === '' && rangeCount === 0;
    if (isEmpty) this.#stream.respond(fields, WITHOUT_BODY);
    else if (done && trailers === '') this.#stream.respond(fields, WITH_BODY);
    else this.#respondWithTrailers(fields);
    return !isEmpty;
  }

  #respondWithTrailers(fields: Fields): void {
    this.#awaitsTrailers = true;
    this.#stream.respond(fields, WITH_TRAILERS);
    this.#stream.on('wantTrailers', tellOwner.wantTrailers);
  }

  #outcome(isLast: boolean): Sent {
    if (isLast || !this.#stream.writableNeedDrain) return Sent.Held;
    if (!this.#listensForDrain) {
      this.#listensForDrain = true;
      this.#stream.on('drain', tellOwner.drain);
    }
    return Sent.Full;
  }

  wantTrailers(): void {
    if (this.#isGone) return;
    this.#stream.sendTrailers(fieldsObject(this.#lastFields ?? []));
    // They are sent in the next turn of the loop.
    if (this.#isLeftEarly) setImmediate(() => this.#reset(NGHTTP2_NO_ERROR));
  }

  reply(reply: Reply): void {
    if (this.#isGone) return;
    const text = reply.text === '' ? '' : `${reply.text}\n`;
    const stream = this.#stream;
    const fields = replyFields(reply, text);
    if (text === '' || stream.writableEnded) stream.respond(fields, WITHOUT_BODY);
    else {
      stream.respond(fields, WITH_BODY);
      stream.end(text, 'latin1');
    }
  }

  // An Upgrade is about one HTTP/1.1 connection, and extended CONNECT is not offered: there are no tunnels.
  switchProtocols(): void {}
  endTunnel(): void {}

  abort(): void {
    this.#isAborted = true;
    this.#reset(NGHTTP2_INTERNAL_ERROR);
  }

  resume(): void {
    this.#stream.resume();
  }

  ended(isRequestDone: boolean): void {
    const stream = this.#stream;
    this.#letGo();
    this.#leftAt = this.#connection.port.worker.deadlines.coarseNow;
    if (isRequestDone || this.#isGone) return;
    // What still comes of the request is of no use to anybody (RFC 9113 section 8.1); it is told so after the response.
    this.#isLeftEarly = true;
    stream.resume();
    // Not before this turn's frames have left: nghttp2 drops a response that is its head alone for the reset behind it.
    if (!this.#awaitsTrailers) setImmediate(() => this.#reset(NGHTTP2_NO_ERROR));
  }

  /** For the next request, which may be anybody's. */
  #letGo(): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.#exchange = undefined;
    this.#connection.port.worker.giveBackExchange(exchange);
  }

  /** Nothing can be sent on it any more. */
  get #isGone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  #reset(code: number): void {
    if (!this.#stream.destroyed) this.#stream.close(code);
  }
}

/** The content of a piece that stays as it is. Answers its size. */
function writeKept(stream: ServerHttp2Stream, bytes: Buffer, { ranges, rangeCount }: BodyPiece): number {
  let size = 0;
  for (let i = 0; i < rangeCount; i++) {
    const part = bytes.subarray(ranges[i * 2], ranges[i * 2 + 1]);
    size += part.length;
    stream.write(part);
  }
  return size;
}

function ignore(): void {}
