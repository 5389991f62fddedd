import { Sent } from '../../conn/sender.ts';
import type { Parties } from '../../listen/proxy-protocol.ts';
import type { HeaderEdit } from '../../routing/header-edit.ts';
import type { LeavingEndpoints } from '../../upstream/leaving-endpoints.ts';
import type { ClientStream } from '../client-stream.ts';
import type { ClientTls } from '../client-tls.ts';
import { Exchange } from '../exchange.ts';
import { type BodyFraming, type BodyPiece, BodyRelay, NO_PIECE, UNANNOUNCED } from '../h1/body-relay.ts';
import { type Fault, REFUSED, requestError } from '../h1/fault.ts';
import type { RequestHead } from '../h1/request-head.ts';
import type { ResponseHead } from '../h1/response-head.ts';
import type { Reply } from '../replies.ts';
import type { RouteTarget } from '../route-target.ts';
import type { Http2ClientConnection } from './client-connection.ts';
import { Http2Code } from './core/protocol.ts';
import type { EndedBy, Http2Stream, StreamOwner } from './core/stream.ts';
import type { Fields } from './hpack/fields.ts';
import { contentOf, writeReply, writeResponse } from './outgoing-response.ts';
import { readTrailers } from './trailers.ts';

const NOTHING = Buffer.alloc(0);

/** One request of a client's HTTP/2 connection, and its response. */
export class Http2ClientStream implements ClientStream, StreamOwner {
  readonly #connection: Http2ClientConnection;
  readonly #stream: Http2Stream;
  readonly #relay: BodyRelay;
  /** Until the exchange is over. */
  #exchange: Exchange | undefined;
  #isHead = false;
  #expectsContinue = false;
  /** What came as trailers, until the body before them has been read. */
  #trailers = '';
  /** Head of the response that goes out with its first piece, and what is changed in it. */
  #head: ResponseHead | undefined;
  #extra = '';
  #edit: HeaderEdit | undefined;
  /** We end it ourselves. */
  #isReset = false;
  /** When the exchange was over and some of the response was not sent. */
  #leftAt = 0;

  constructor(connection: Http2ClientConnection, stream: Http2Stream) {
    this.#connection = connection;
    this.#stream = stream;
    this.#relay = new BodyRelay(connection.port.worker.ranges);
    stream.owner = this;
  }

  // ---- the request ----

  /** @param hasBody the stream did not end with its head */
  begin(head: RequestHead, hasBody: boolean): void {
    const { worker, table } = this.#connection.port;
    const relay = this.#relay;
    if (hasBody) {
      relay.reset('frames', head.body === 'length' ? head.contentLength : UNANNOUNCED, head.body);
    } else relay.reset('none', 0, 'none');
    this.#isHead = head.method === 'HEAD';
    this.#expectsContinue = head.expectsContinue;
    const exchange = (worker.takeExchange() ?? new Exchange(worker)).serve(this);
    this.#exchange = exchange;
    if (!exchange.begin(head, table, NOTHING, relay)) this.#stream.pause();
  }

  /** A request that is not passed on. @param isHead its answer has no content */
  refuse(reply: Reply, isHead: boolean): void {
    this.#isHead = isHead;
    this.reply(reply);
    this.#leave();
  }

  /** A head on a stream that the client has opened is `begin`, or trailers. */
  head(): void {}

  data(bytes: Buffer, start: number, end: number): void {
    if (this.#relay.read(bytes, start, end) === REFUSED) this.#malformed(this.#relay.fault);
    else if (this.#exchange?.requestPiece(bytes, this.#relay) === false) this.#stream.pause();
  }

  trailers(fields: Fields): void {
    const lines = readTrailers(fields, 'client');
    if (lines === undefined) this.#malformed('trailer_invalid');
    else this.#trailers = lines;
  }

  end(): void {
    if (this.#relay.end(this.#trailers)) this.#exchange?.requestPiece(NOTHING, this.#relay);
    else this.#malformed('cl_mismatch');
  }

  #malformed(fault: Fault): void {
    this.#reset(Http2Code.ProtocolError);
    this.#exchange?.clientFailed(requestError(fault), fault);
  }

  drained(): void {
    this.#exchange?.clientDrained();
  }

  closed(_: number, by: EndedBy): void {
    const exchange = this.#exchange;
    // The exchange knows of an end that it has brought about.
    if (exchange !== undefined && by !== 'ended' && !this.#isReset) {
      exchange.clientGone();
      this.#letGo();
    }
    this.#connection.streamClosed(this);
  }

  /** @param isAlive something came from the client since the last time */
  sweep(leaving: LeavingEndpoints, now: number, isAlive: boolean): void {
    if (this.#exchange === undefined) {
      if (now - this.#leftAt >= this.#connection.port.idleMs) this.#reset(Http2Code.Cancel);
      return;
    }
    if (isAlive) this.#exchange.clientAlive();
    this.#exchange.sweep(leaving, now);
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
    const encoder = this.#stream.beginHead();
    if (encoder === undefined) return;
    writeResponse(encoder, head);
    this.#stream.sendHead(false);
  }

  sendContinue(): void {
    this.#expectsContinue = false;
    const encoder = this.#stream.beginHead();
    if (encoder === undefined) return;
    encoder.status(100);
    this.#stream.sendHead(false);
  }

  startResponse(head: ResponseHead, extra: string, target: RouteTarget): BodyFraming {
    this.#head = head;
    this.#extra = extra;
    this.#edit = target.filters.response;
    return head.body === 'none' ? 'none' : 'frames';
  }

  send(bytes: Buffer, piece: BodyPiece): Sent {
    const stream = this.#stream;
    const head = this.#head;
    if (head !== undefined) {
      this.#head = undefined;
      const isWhole = piece.done && piece.rangeCount === 0 && piece.trailers === '';
      if (!this.#sendHead(head, isWhole)) return Sent.Full;
      if (isWhole) return Sent.Flushed;
    }
    const sent = stream.send(bytes, piece);
    // It is over for who sends it; what is held leaves as the client takes it.
    return piece.done ? Sent.Flushed : sent;
  }

  #sendHead(head: ResponseHead, isWhole: boolean): boolean {
    const encoder = this.#stream.beginHead();
    if (encoder === undefined) return false;
    writeResponse(encoder, head, this.#edit);
    encoder.lines(this.#extra);
    this.#stream.sendHead(isWhole);
    return true;
  }

  reply(reply: Reply): void {
    const encoder = this.#stream.beginHead();
    if (encoder === undefined) return;
    const content = contentOf(reply);
    writeReply(encoder, reply, content);
    const isWhole = content.length === 0 || this.#isHead;
    this.#stream.sendHead(isWhole);
    if (!isWhole) this.#stream.send(content, wholeOf(content));
  }

  // An Upgrade is about one HTTP/1.1 connection, and extended CONNECT is not offered: there are no tunnels.
  switchProtocols(): void {}
  endTunnel(): void {}

  abort(): void {
    this.#reset(Http2Code.InternalError);
  }

  resume(): void {
    this.#stream.resume();
  }

  ended(): void {
    this.#letGo();
    this.#leave();
  }

  /** What is not sent yet leaves as the client takes it, for as long as `idleMs`. */
  #leave(): void {
    this.#leftAt = this.#connection.port.worker.deadlines.coarseNow;
    this.#stream.leave();
  }

  /** For the next request, which may be anybody's. */
  #letGo(): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.#exchange = undefined;
    this.#connection.port.worker.lendExchange(exchange);
  }

  #reset(code: number): void {
    this.#isReset = true;
    this.#stream.reset(code);
  }
}

/** All of a body, in one piece. */
function wholeOf(content: Buffer): BodyPiece {
  return { ...NO_PIECE, ranges: Int32Array.of(0, content.length), rangeCount: 1 };
}
