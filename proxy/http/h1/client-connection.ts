import type { Socket } from 'node:net';
import { Deadline } from '../../conn/deadlines.ts';
import type { Flushable } from '../../conn/flush-queue.ts';
import { letGo } from '../../conn/let-go.ts';
import { Sent } from '../../conn/sender.ts';
import { readInto } from '../../conn/shared-read.ts';
import type { ErrorCode } from '../../errors.ts';
import type { Parties } from '../../listen/proxy-protocol.ts';
import type { LeavingEndpoints } from '../../upstream/leaving-endpoints.ts';
import { ClientOrigin } from '../client-origin.ts';
import type { ClientStream } from '../client-stream.ts';
import type { ClientTls } from '../client-tls.ts';
import { Exchange } from '../exchange.ts';
import type { ConnectionStart, HttpPort, PortConnection } from '../http-port.ts';
import type { HttpWorker } from '../http-worker.ts';
import { type Reply, replyFor } from '../replies.ts';
import type { RouteTarget } from '../route-target.ts';
import { type BodyFraming, type BodyPiece, BodyRelay } from './body-relay.ts';
import { INCOMPLETE, REFUSED, requestError } from './fault.ts';
import { CONTINUE, writeLocalReply } from './local-reply.ts';
import { PartialHead } from './partial-head.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import { responseBodyFor, writeResponseHead } from './write-response.ts';

const State = {
  /** Between requests, or in the middle of a head. */
  Head: 0,
  Body: 1,
  /** The request has been read, its response is under way. */
  Busy: 2,
  Tunnel: 3,
  /** The last response is being sent; what still comes is not looked at. */
  Closing: 4,
  Closed: 5,
} as const;

/** A client that sends on after its last response has this long, and this many bytes, to notice that it is over. */
const LINGER_MS = 2_000;
const MAX_LINGER_BYTES = 1_048_576;
/** A draining port leaves idle connections open for a moment: a request may be on its way. */
const DRAIN_IDLE_MS = 1_000;

/** One client's HTTP/1.x connection: reads its requests one after the other and writes their responses in order. */
export class ClientConnection implements ClientStream, PortConnection, Flushable {
  place = -1;
  readonly tls: ClientTls | undefined;
  readonly #port: HttpPort;
  readonly #worker: HttpWorker;
  readonly #socket: Socket;
  readonly #deadline = new Deadline(() => this.#expired());
  #state: number = State.Head;
  #partial: PartialHead | undefined;
  /** Requests that came before the one under way was answered. */
  #rest: Buffer | undefined;
  #isPaused = false;
  #lingered = 0;
  #exchange: Exchange | undefined;
  #relay: BodyRelay | undefined;
  readonly #start: ConnectionStart;
  readonly #origin: ClientOrigin;

  // Of the request under way.
  #method = '';
  #minorVersion = 1;
  #keepsAlive = true;
  #expectsContinue = false;
  /** Head of the response that goes out with its first piece. */
  #responseHead = '';

  constructor(port: HttpPort, socket: Socket, start: ConnectionStart) {
    this.#port = port;
    this.#worker = port.worker;
    this.#socket = socket;
    this.#start = start;
    this.tls = start.tls;
    this.#origin = new ClientOrigin(port, socket, start.parties);
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => this.#exchange?.clientDrained());
    socket.on('error', () => this.#gone());
    socket.on('close', () => {
      this.#gone();
      letGo(socket);
    });
    this.#worker.deadlines.set(this.#deadline, port.requestHeaderMs);
    readInto(socket, this.#worker.buffers.shared, (bytes, length) => this.#onBytes(bytes, 0, length));
  }

  get isSecure(): boolean {
    return this.#port.scheme === 'https';
  }

  /** No request is under way. */
  get isIdle(): boolean {
    return this.#state === State.Head && this.#partial === undefined;
  }

  drain(): void {
    if (this.isIdle) this.#worker.deadlines.set(this.#deadline, DRAIN_IDLE_MS);
  }

  sweep(leaving: LeavingEndpoints, now: number): void {
    this.#exchange?.sweep(leaving, now);
  }

  destroy(): void {
    this.#socket.destroy();
    this.#gone();
  }

  // ---- what the client says ----

  #onBytes(bytes: Buffer, start: number, end: number): void {
    let pos = start;
    while (pos < end) {
      switch (this.#state) {
        case State.Head:
          pos = this.#readHead(bytes, pos, end);
          break;
        case State.Body:
          pos = this.#readBody(bytes, pos, end);
          break;
        case State.Busy:
          this.#keepRest(bytes, pos, end);
          return;
        case State.Tunnel:
          this.#relay!.read(bytes, pos, end);
          if (!this.#exchange!.tunnel(bytes, this.#relay!)) this.#pause();
          return;
        case State.Closing:
          this.#lingered += end - pos;
          // Reset at once, it might not have read the answer yet.
          if (this.#lingered > MAX_LINGER_BYTES) this.#socket.pause();
          return;
        default:
          return;
      }
    }
  }

  /** Answers the position behind what it took. */
  #readHead(bytes: Buffer, start: number, end: number): number {
    const head = this.#worker.requestHead;
    let source = bytes;
    let from = start;
    let to = end;
    if (this.#partial !== undefined) {
      if (!this.#partial.add(bytes, start, end)) return end;
      source = this.#partial.bytes;
      from = 0;
      to = this.#partial.length;
    }
    const taken = head.parse(source, from, to);
    if (taken === REFUSED) {
      this.#partial = undefined;
      if (head.fault === 'http2_preface' && this.#mayBeHttp2) this.#handOver(source.subarray(from, to));
      else this.#refuse(requestError(head.fault), head.fault);
      return end;
    }
    if (taken === INCOMPLETE) {
      if (this.#partial === undefined) {
        this.#partial = new PartialHead();
        this.#partial.add(bytes, start, end);
        this.#worker.deadlines.set(this.#deadline, this.#port.requestHeaderMs);
      }
      return end;
    }
    this.#partial = undefined;
    return this.#beginRequest(head, bytes, end - (to - (from + taken)), end);
  }

  #beginRequest(head: RequestHead, bytes: Buffer, pos: number, end: number): number {
    this.#method = head.method;
    this.#minorVersion = head.minorVersion;
    this.#keepsAlive = head.keepAlive;
    this.#expectsContinue = head.expectsContinue;
    this.#origin.describe(head);
    this.#relay ??= new BodyRelay(this.#worker.ranges);
    const relay = this.#relay;
    relay.reset(head.body, head.contentLength, head.body);
    const taken = relay.read(bytes, pos, end);
    if (taken === REFUSED) {
      this.#refuse(requestError(relay.fault), relay.fault);
      return end;
    }
    // The deadline stays as it is: it means nothing while the exchange keeps its own, and is put off after it.
    this.#state = relay.done ? State.Busy : State.Body;
    this.#exchange ??= (this.#worker.takeExchange() ?? new Exchange(this.#worker)).serve(this);
    if (!this.#exchange.begin(head, this.#port.table, bytes, relay)) this.#pause();
    return pos + taken;
  }

  #readBody(bytes: Buffer, pos: number, end: number): number {
    const relay = this.#relay!;
    const taken = relay.read(bytes, pos, end);
    if (taken === REFUSED) {
      this.#keepsAlive = false;
      this.#exchange!.clientFailed(requestError(relay.fault), relay.fault);
      return end;
    }
    if (relay.done) this.#state = State.Busy;
    if (!this.#exchange!.requestPiece(bytes, relay)) this.#pause();
    return pos + taken;
  }

  /** Nothing else was said yet, and ALPN was not there to say it (RFC 9113 section 3.2). */
  get #mayBeHttp2(): boolean {
    return this.#relay === undefined && this.tls === undefined;
  }

  /** A client that knows that we speak HTTP/2 (RFC 9113 section 3.3). */
  #handOver(bytes: Buffer): void {
    this.#state = State.Closed;
    this.#worker.deadlines.clear(this.#deadline);
    this.#port.speaksHttp2(this, this.#socket, this.#start, Buffer.from(bytes));
  }

  #keepRest(bytes: Buffer, pos: number, end: number): void {
    const more = bytes.subarray(pos, end);
    this.#rest = this.#rest === undefined ? Buffer.from(more) : Buffer.concat([this.#rest, more]);
    this.#pause();
  }

  #pause(): void {
    if (this.#isPaused || this.#state >= State.Closing) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  /** A request that is none: one answer, and nothing after it. */
  #refuse(code: ErrorCode, reason: string): void {
    this.#worker.reportRefused(code, reason, this.#origin.peer);
    const { status, text, lines } = replyFor(code);
    this.#socket.write(
      writeLocalReply({ status, text, lines, method: '', minorVersion: 1, keepAlive: false }),
      'latin1',
    );
    this.#close(true);
  }

  // ---- ClientStream ----

  forwardedLines(head: RequestHead): string {
    return this.#origin.forwardedLines(head);
  }

  get parties(): Parties | undefined {
    return this.#origin.parties;
  }

  interim(head: ResponseHead): void {
    if (this.#minorVersion === 0) return;
    if (head.status === 100) {
      if (!this.#expectsContinue) return;
      this.#expectsContinue = false;
    }
    this.#socket.write(writeResponseHead(head, { minorVersion: 1, keepAlive: true }), 'latin1');
  }

  sendContinue(): void {
    this.#expectsContinue = false;
    this.#socket.write(CONTINUE, 'latin1');
  }

  startResponse(head: ResponseHead, extra: string, target: RouteTarget): BodyFraming {
    const framing = responseBodyFor(head.body, this.#minorVersion);
    this.#keepsAlive &&= this.#relay!.done && framing !== 'until-close' && !this.#port.isDraining;
    const { response } = target.filters;
    this.#responseHead = writeResponseHead(head, {
      minorVersion: this.#minorVersion,
      keepAlive: this.#keepsAlive,
      ...(extra !== '' && { extra }),
      ...(response !== undefined && { edit: response }),
    });
    return framing;
  }

  send(bytes: Buffer, piece: BodyPiece, keeps: boolean): Sent {
    const { sender } = this.#worker;
    if (this.#state === State.Tunnel) return sender.sendAlone(this.#socket, bytes, piece, keeps);
    const head = this.#responseHead;
    if (head !== '' && isEmpty(piece)) {
      this.#worker.flushes.add(this);
      return Sent.Flushed;
    }
    this.#responseHead = '';
    return sender.send(this.#socket, head, bytes, piece, keeps);
  }

  /** A head that came alone leaves alone, unless its body has come in the same turn: one write for both. */
  flush(): void {
    const head = this.#responseHead;
    if (head === '' || this.#state === State.Closed) return;
    this.#responseHead = '';
    this.#worker.sender.sendText(this.#socket, head);
  }

  reply({ status, text, contentType, lines }: Reply): void {
    this.#keepsAlive &&= this.#relay!.done && !this.#port.isDraining;
    this.#socket.write(
      writeLocalReply({
        status,
        text,
        contentType,
        lines,
        method: this.#method,
        minorVersion: this.#minorVersion,
        keepAlive: this.#keepsAlive,
      }),
      'latin1',
    );
  }

  switchProtocols(head: ResponseHead): void {
    this.#worker.sender.sendText(this.#socket, writeResponseHead(head, { minorVersion: 1, keepAlive: true }));
    this.#state = State.Tunnel;
    this.#keepsAlive = false;
    this.#relay!.reset('until-close', 0, 'until-close');
    this.#resumeReading();
  }

  endTunnel(): void {
    this.#socket.end();
  }

  abort(): void {
    if (this.#state === State.Closed) return;
    this.#socket.resetAndDestroy();
    this.#gone();
  }

  resume(): void {
    if (this.#state !== State.Busy) this.#resumeReading();
  }

  ended(isRequestDone: boolean): void {
    if (this.#state >= State.Closing) return;
    if (!isRequestDone || !this.#keepsAlive) {
      this.#close(!isRequestDone);
      return;
    }
    this.#state = State.Head;
    this.#worker.deadlines.set(this.#deadline, this.#port.isDraining ? DRAIN_IDLE_MS : this.#port.idleMs);
    if (this.#isPaused) this.#resumeReading();
  }

  /** Goes on with what came early, then with what comes. */
  #resumeReading(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const rest = this.#rest;
    if (rest !== undefined) {
      this.#rest = undefined;
      this.#onBytes(rest, 0, rest.length);
    }
    if (!this.#isPaused && this.#state < State.Closed) this.#socket.resume();
  }

  // ---- the end ----

  /** @param lingers the client may still be sending: closed at once, it might lose the response to a reset */
  #close(lingers: boolean): void {
    if (this.#state >= State.Closing) return;
    this.#state = State.Closing;
    const socket = this.#socket;
    if (lingers || this.#rest !== undefined) {
      this.#rest = undefined;
      socket.end();
      socket.resume();
      this.#worker.deadlines.set(this.#deadline, LINGER_MS);
    } else if (socket.writableLength === 0 && this.tls === undefined) {
      socket.destroy();
      this.#gone();
    } else {
      socket.destroySoon();
      this.#worker.deadlines.set(this.#deadline, this.#port.idleMs);
    }
  }

  #onEnd(): void {
    switch (this.#state) {
      case State.Body:
      case State.Busy:
      case State.Tunnel:
        this.#exchange!.clientEnded();
        if (this.#state !== State.Tunnel) this.destroy();
        return;
      case State.Closing:
        if (this.#socket.writableLength === 0) this.destroy();
        return;
      case State.Closed:
        return;
      default:
        this.destroy();
    }
  }

  #expired(): void {
    if (this.#state === State.Head && this.#partial !== undefined) {
      this.#partial = undefined;
      this.#refuse('DOWNSTREAM_HEADER_TIMEOUT', 'header_timeout');
    } else if (this.#state === State.Head || this.#state === State.Closing) this.destroy();
  }

  #gone(): void {
    if (this.#state === State.Closed) return;
    this.#state = State.Closed;
    this.#worker.deadlines.clear(this.#deadline);
    this.#rest = undefined;
    this.#giveUp();
    this.#port.closed(this);
  }

  /** The socket outlives the connection until it is collected: what hangs off it is not to. */
  #giveUp(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (exchange === undefined) return;
    exchange.clientGone();
    this.#worker.giveBackExchange(exchange);
  }
}

/** Has it nothing to send? */
function isEmpty({ before, rangeCount, after, done }: BodyPiece): boolean {
  return !done && rangeCount === 0 && before === '' && after === '';
}
