import type { Socket } from 'node:net';
import { Deadline } from '../../../conn/deadlines.ts';
import { HpackDecoder } from '../hpack/decoder.ts';
import { HpackEncoder } from '../hpack/encoder.ts';
import type { Fields } from '../hpack/fields.ts';
import {
  announced,
  type ConnectionOptions,
  type ConnectionOwner,
  Http2Error,
  type Http2Worker,
} from './connection-owner.ts';
import { frameFault } from './frame-fault.ts';
import { type FrameHead, FrameReader, type FrameSink } from './frame-reader.ts';
import type { GatherBuffers } from './gather-buffers.ts';
import { HeaderBlock } from './header-block.ts';
import { Outbox } from './outbox.ts';
import { Patience } from './patience.ts';
import { PeerSettings } from './peer-settings.ts';
import {
  DEFAULT_WINDOW_BYTES,
  Flag,
  FRAME_HEAD_BYTES,
  FrameType,
  Http2Code,
  MAX_INT31,
  PREFACE,
  PRIORITY_BYTES,
  readUint31,
  readUint32,
} from './protocol.ts';
import { ReceiveWindow } from './receive-window.ts';
import { SendQueue } from './send-queue.ts';
import { Http2Stream, type StreamCarrier, type StreamOwner } from './stream.ts';
import { Ending, StreamTable } from './stream-table.ts';

const NO_PREFACE = Buffer.alloc(0);

const State = {
  /** The peer has said nothing yet. */
  Preface: 0,
  Open: 1,
  /** No further streams; it ends with the last one. */
  Closing: 2,
  /** Nothing is read any more, and what was written still leaves. */
  Ended: 3,
  Closed: 4,
} as const;

/** How long a peer has to close its side when everything is said. */
const LINGER_MS = 2_000;
/** The same while the rest of its last response waits behind a full socket: a slow one is to get it. */
const LAST_BYTES_MS = 30_000;
/** How long the answer to a PING may take that shows that the peer knows of the end. */
const NOTICE_MS = 5_000;
/** What may wait behind a socket that takes no more before nothing is read any more: answers to PINGs and SETTINGS. */
const MAX_PILE_BYTES = 65_536;

/** Payloads of our PINGs, which tell their answers apart. */
const PING_OF_OWNER = 0;
const PING_OF_NOTICE = 1;

/**
 * One HTTP/2 connection (RFC 9113), as server or as client: reads frames, keeps streams and windows, and gathers what
 * is sent. What comes is given to the streams' owners while it is read; what they say to that leaves in one write.
 */
export class Http2Connection implements FrameSink, StreamCarrier {
  readonly peer = new PeerSettings();
  readonly #worker: Http2Worker;
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #options: ConnectionOptions;
  readonly #isServer: boolean;
  readonly #outbox: Outbox;
  readonly #sending: SendQueue;
  readonly #reader: FrameReader;
  readonly #patience: Patience;
  readonly #decoder: HpackDecoder;
  readonly encoder = new HpackEncoder();
  readonly #streams: StreamTable;
  readonly #block: HeaderBlock;
  readonly #window: ReceiveWindow;
  readonly #deadline = new Deadline(() => this.#expired());
  #state: number = State.Preface;
  /** What we have said: later streams of the peer are not looked at. */
  #lastTaken = MAX_INT31;
  #isNoticed = false;
  /** What the peer has said: it looks at none of ours after that. */
  #lastWelcome = MAX_INT31;
  /** The stream whose content is being read. */
  #dataStream: Http2Stream | undefined;
  #endsWithData = false;
  #padding = 0;
  #isPaused = false;
  /** A PING of the owner's is on its way. */
  #isAsking = false;

  constructor(worker: Http2Worker, socket: Socket, owner: ConnectionOwner, options: ConnectionOptions) {
    this.#worker = worker;
    this.#socket = socket;
    this.#owner = owner;
    this.#options = options;
    this.#isServer = options.role === 'server';
    this.#streams = new StreamTable(this.#isServer);
    this.#outbox = new Outbox(socket, worker.gatherBuffers, worker.flushes);
    this.#sending = new SendQueue(this.#outbox);
    this.#reader = new FrameReader(this, this.#isServer ? PREFACE : NO_PREFACE);
    this.#patience = new Patience(worker.clock);
    // Advice counts 32 bytes for each field; what reads the head is exact.
    this.#decoder = new HpackDecoder({ maxBytes: options.maxHeadBytes * 2, maxFields: options.maxFields });
    this.#block = new HeaderBlock(options.maxHeadBytes * 2);
    this.#window = new ReceiveWindow(options.connectionWindow);
    socket.on('drain', () => this.#drained());
    socket.on('end', () => this.destroy());
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    if (!this.#isServer) this.#outbox.add(PREFACE);
    this.#outbox.settings(announced(options));
    this.#outbox.windowUpdate(0, options.connectionWindow - DEFAULT_WINDOW_BYTES);
  }

  /** There are no streams, and will be none. */
  get isOver(): boolean {
    return this.#state >= State.Ended;
  }

  // ---- for its owner ----

  /** Takes what was read of the socket; the bytes are free again when it returns. */
  receive(bytes: Buffer, start: number, end: number): void {
    if (this.isOver) return;
    this.#reader.read(bytes, start, end);
    if (this.#outbox.pile > MAX_PILE_BYTES && !this.#isPaused) {
      this.#isPaused = true;
      this.#socket.pause();
    }
  }

  /** A stream of ours. It is known to the peer, and to the connection, once its head is sent. */
  openStream(owner: StreamOwner): Http2Stream {
    const stream = new Http2Stream(this, 0, this.#options, this.peer.window);
    stream.owner = owner;
    return stream;
  }

  /** Asks whether the peer is still there, unless that was asked already. */
  ping(): void {
    if (this.isOver || this.#isAsking) return;
    this.#isAsking = true;
    this.#outbox.ping(PING_OF_OWNER);
  }

  /**
   * Says that no further streams are taken, and goes on taking them until the peer is sure to know (RFC 9113 section
   * 6.8): none of its requests is lost. Then `close`.
   */
  notice(): void {
    if (this.#isNoticed || this.#state >= State.Closing) return;
    this.#isNoticed = true;
    this.#outbox.goaway(MAX_INT31, Http2Code.NoError);
    this.#outbox.ping(PING_OF_NOTICE);
    this.#worker.deadlines.set(this.#deadline, NOTICE_MS);
  }

  /** Takes no further streams, and ends with the last one. Of what the peer has sent after that it knows that it was not looked at. */
  close(): void {
    if (this.#state >= State.Closing) return;
    this.#state = State.Closing;
    this.#lastTaken = this.#streams.lastOfPeer;
    this.#outbox.goaway(this.#streams.lastOfPeer, Http2Code.NoError);
    if (this.#streams.size === 0) this.#end(undefined);
  }

  /** Ends it with all its streams; the peer is told why. */
  fail(code: number, message: string): void {
    if (this.isOver) return;
    this.#outbox.goaway(Math.min(this.#streams.lastOfPeer, this.#lastTaken), code);
    this.#end(new Http2Error(code, message));
  }

  /** Ends it at once. Idempotent. */
  destroy(error?: Error): void {
    if (this.#state === State.Closed) return;
    const wasOver = this.isOver;
    this.#state = State.Closed;
    this.#worker.deadlines.clear(this.#deadline);
    this.#socket.destroy();
    if (!wasOver) this.#over(error);
  }

  // ---- its end ----

  #end(error: Http2Error | undefined): void {
    this.#state = State.Ended;
    this.#outbox.finish();
    this.#socket.resume();
    const isSending = error === undefined && this.#socket.writableLength > 0;
    this.#worker.deadlines.set(this.#deadline, isSending ? LAST_BYTES_MS : LINGER_MS);
    this.#over(error);
  }

  #over(error: Error | undefined): void {
    const code = error instanceof Http2Error ? error.http2Code : Http2Code.NoError;
    for (const stream of this.#streams.values()) {
      // A response that has come whole is the owner's, however slowly that takes it.
      if (!this.#isServer && stream.isWaitingWhole) stream.stopSending();
      else stream.close(code, 'connection');
    }
    this.#streams.clear();
    this.#sending.clear();
    this.#dataStream = undefined;
    this.#owner.closed(error);
  }

  #expired(): void {
    if (this.#state === State.Ended) this.destroy();
    else this.close();
  }

  // ---- what comes ----

  /** Ends the connection. Answers that nothing more is to be read. */
  #refuse(code: number, message: string): false {
    this.fail(code, message);
    return false;
  }

  unknown(head: FrameHead): boolean {
    return this.#isInOrder(head) && this.#wastes(FRAME_HEAD_BYTES + head.size);
  }

  frame(head: FrameHead, bytes: Buffer, start: number, end: number): boolean {
    if (!this.#isInOrder(head)) return false;
    const fault = frameFault(head);
    if (fault !== undefined) return this.#refuse(fault.code, fault.message);
    return this.#dispatch(head, bytes, start, end) && !this.isOver;
  }

  /** SETTINGS come first; a header block is not interrupted. */
  #isInOrder(head: FrameHead): boolean {
    const { type } = head;
    if (this.#state === State.Preface && (type !== FrameType.Settings || head.has(Flag.Ack)))
      return this.#refuse(Http2Code.ProtocolError, 'no SETTINGS first');
    const { stream } = this.#block;
    const isContinuation = type === FrameType.Continuation;
    const isExpected = stream === 0 ? !isContinuation : isContinuation && head.stream === stream;
    return isExpected || this.#refuse(Http2Code.ProtocolError, 'a frame that has no place here');
  }

  #dispatch(head: FrameHead, bytes: Buffer, start: number, end: number): boolean {
    switch (head.type) {
      case FrameType.Headers:
        return this.#onHeaders(head, bytes, start, end);
      case FrameType.Continuation:
        return this.#onContinuation(head, bytes, start, end);
      case FrameType.WindowUpdate:
        return this.#onWindowUpdate(head, bytes, start);
      case FrameType.RstStream:
        return this.#onRstStream(head, bytes, start);
      case FrameType.Settings:
        return this.#onSettings(head, bytes, start, end);
      case FrameType.Ping:
        return this.#onPing(head, bytes, start, end);
      case FrameType.Goaway:
        return this.#onGoaway(head, bytes, start);
      default:
        return this.#onPriority(head); // the last type that is left
    }
  }

  // ---- content ----

  dataBegins(head: FrameHead, padding: number): boolean {
    const { stream: id, size } = head;
    if (!this.#isInOrder(head)) return false;
    if (!this.#window.receive(size)) return this.#refuse(Http2Code.FlowControlError, 'more than the window');
    const stream = this.#streams.get(id);
    this.#dataStream = stream;
    this.#endsWithData = head.has(Flag.EndStream);
    this.#padding = padding;
    if (stream === undefined) return this.#dataTooLate(id);
    if (!stream.receives(size))
      return this.#refuse(Http2Code.FlowControlError, 'more than the window of a stream');
    if (stream.isPeerDone) return this.#resetForPeer(stream, Http2Code.StreamClosed);
    if (!stream.hasHead) return this.#resetForPeer(stream, Http2Code.ProtocolError);
    const content = size - padding;
    if (content === 0 && !this.#endsWithData) return this.#wastes(FRAME_HEAD_BYTES + size);
    this.#patience.content(content);
    return this.#patience.waste(padding) || this.#flooded();
  }

  dataPart(bytes: Buffer, start: number, end: number): boolean {
    this.#release(end - start);
    this.#dataStream?.takeData(bytes, start, end);
    return !this.isOver;
  }

  dataEnds(): boolean {
    const stream = this.#dataStream;
    if (this.#padding > 0) {
      this.#release(this.#padding);
      stream?.release(this.#padding);
    }
    this.#dataStream = undefined;
    if (this.#endsWithData) stream?.takeEnd();
    return !this.isOver;
  }

  /** Whatever becomes of it, it has come: the connection's window is not for holding anybody up. */
  #release(bytes: number): void {
    const told = this.#window.release(bytes);
    if (told > 0) this.#outbox.windowUpdate(0, told);
  }

  #dataTooLate(id: number): boolean {
    if (this.#streams.isIdle(id))
      return this.#refuse(Http2Code.ProtocolError, 'DATA on a stream that is not open');
    return this.#bearsLate(id);
  }

  // ---- heads ----

  #onHeaders(head: FrameHead, bytes: Buffer, start: number, end: number): boolean {
    const error = this.#block.open(head, bytes, start, end);
    if (error !== Http2Code.NoError) return this.#refuse(error, 'HEADERS that are not what they say');
    return !head.has(Flag.EndHeaders) || this.#onBlock(head.stream, this.#block);
  }

  #onContinuation(head: FrameHead, bytes: Buffer, start: number, end: number): boolean {
    if (!this.#block.continue(bytes, start, end))
      return this.#refuse(Http2Code.EnhanceYourCalm, 'a header block that does not end');
    if (!head.has(Flag.EndHeaders)) return true;
    return this.#onBlock(head.stream, this.#block);
  }

  #onBlock(id: number, block: HeaderBlock): boolean {
    const { fields } = this.#worker;
    const { bytes, start, end, isLast } = block;
    block.close();
    if (!this.#decoder.decode(bytes, start, end, fields))
      return this.#refuse(Http2Code.CompressionError, 'a header block that cannot be unpacked');
    const stream = this.#streams.get(id);
    if (stream !== undefined) return this.#onLaterBlock(stream, fields, isLast);
    return this.#isServer && id > this.#streams.lastOfPeer
      ? this.#onRequest(id, fields, isLast)
      : this.#headersTooLate(id);
  }

  #onRequest(id: number, fields: Fields, isLast: boolean): boolean {
    if ((id & 1) === 0) return this.#refuse(Http2Code.ProtocolError, 'a stream with an even number');
    this.#streams.lastOfPeer = id;
    // Not looked at, and it was told so.
    if (id > this.#lastTaken) return this.#wastes(FRAME_HEAD_BYTES);
    if (this.#streams.size >= this.#options.maxStreams) {
      this.#streams.refuse(id);
      this.#outbox.reset(id, Http2Code.RefusedStream);
      return this.#patience.refused() || this.#flooded();
    }
    const stream = new Http2Stream(this, id, this.#options, this.peer.window);
    stream.openedAt = this.#worker.deadlines.coarseNow;
    this.#streams.add(stream);
    if (isLast) stream.receivedWhole();
    this.#patience.request();
    this.#owner.opened(stream, fields, isLast);
    return true;
  }

  #onLaterBlock(stream: Http2Stream, fields: Fields, isLast: boolean): boolean {
    if (stream.isPeerDone) return this.#resetForPeer(stream, Http2Code.StreamClosed);
    if (stream.hasHead) {
      // Trailers end the stream (RFC 9113 section 8.1).
      if (!isLast) return this.#resetForPeer(stream, Http2Code.ProtocolError);
      stream.takeTrailers(fields);
      stream.takeEnd();
      return true;
    }
    const isInterim = fields.count > 0 && fields.nameIs(0, ':status') && fields.value(0).startsWith('1');
    if (isInterim && isLast) return this.#resetForPeer(stream, Http2Code.ProtocolError);
    if (!isInterim) this.#patience.request();
    stream.takeHead(fields, isInterim, isLast);
    return true;
  }

  #headersTooLate(id: number): boolean {
    // Trailers of a request that was not looked at.
    if (id > this.#lastTaken) return this.#wastes(FRAME_HEAD_BYTES);
    if (this.#streams.isIdle(id) || (this.#isServer && this.#streams.endingOf(id) === Ending.Unknown))
      return this.#refuse(Http2Code.ProtocolError, 'HEADERS on a stream that cannot be opened');
    return this.#bearsLate(id);
  }

  // ---- what is about a stream ----

  #onRstStream({ stream: id }: FrameHead, bytes: Buffer, start: number): boolean {
    if (this.#streams.isIdle(id))
      return this.#refuse(Http2Code.ProtocolError, 'RST_STREAM on a stream that is not open');
    const stream = this.#streams.get(id);
    if (stream === undefined) return !this.#isServer || this.#wastes(FRAME_HEAD_BYTES + 4);
    if (!this.#isServer && stream.isPeerDone) {
      // The response is whole, and the rest of the request is not wanted (RFC 9113 section 8.1).
      stream.stopSending();
      return true;
    }
    this.#remove(stream, Ending.ByPeer);
    stream.close(readUint32(bytes, start), 'peer');
    this.#endIfEmpty();
    return this.#countReset(stream);
  }

  #onWindowUpdate({ stream: id }: FrameHead, bytes: Buffer, start: number): boolean {
    const more = readUint31(bytes, start);
    if (!this.#wastes(FRAME_HEAD_BYTES + 4)) return false;
    if (id === 0) {
      if (more === 0) return this.#refuse(Http2Code.ProtocolError, 'a window that opens by nothing');
      if (!this.#sending.open(more))
        return this.#refuse(Http2Code.FlowControlError, 'a window past its bound');
    } else {
      if (this.#streams.isIdle(id))
        return this.#refuse(Http2Code.ProtocolError, 'WINDOW_UPDATE on a stream that is not open');
      const stream = this.#streams.get(id);
      if (stream === undefined) return true;
      if (more === 0) return this.#resetForPeer(stream, Http2Code.ProtocolError);
      if (!stream.moveSendWindow(more)) return this.#resetForPeer(stream, Http2Code.FlowControlError);
    }
    this.#sending.run();
    return true;
  }

  #onPriority({ stream: id, size }: FrameHead): boolean {
    if (size === PRIORITY_BYTES) return this.#wastes(FRAME_HEAD_BYTES + size);
    const stream = this.#streams.get(id);
    // A stream that is not open cannot be reset.
    return stream === undefined
      ? this.#refuse(Http2Code.FrameSizeError, 'PRIORITY of another size')
      : this.#resetForPeer(stream, Http2Code.FrameSizeError);
  }

  // ---- what is about the connection ----

  #onSettings(head: FrameHead, bytes: Buffer, start: number, end: number): boolean {
    if (head.has(Flag.Ack)) {
      this.#patience.informed();
      return this.#wastes(FRAME_HEAD_BYTES);
    }
    const { peer } = this;
    const before = peer.window;
    const error = peer.read(bytes, start, end, this.#isServer);
    if (error !== Http2Code.NoError) return this.#refuse(error, 'SETTINGS that cannot be');
    this.encoder.setMaxTableBytes(peer.headerTableBytes);
    for (const stream of this.#streams.values()) {
      if (!stream.moveSendWindow(peer.window - before))
        return this.#refuse(Http2Code.FlowControlError, 'a window past its bound');
    }
    if (this.#state === State.Preface) this.#state = State.Open;
    this.#outbox.frame(FrameType.Settings, Flag.Ack, 0, 0);
    this.#owner.settled();
    this.#sending.run();
    return this.#wastes(FRAME_HEAD_BYTES + head.size);
  }

  #onPing(head: FrameHead, bytes: Buffer, start: number, end: number): boolean {
    if (head.has(Flag.Ack)) this.#onPong(readUint32(bytes, start + 4));
    else this.#outbox.pong(bytes, start, end);
    return this.#wastes(FRAME_HEAD_BYTES + 8);
  }

  #onPong(payload: number): void {
    if (payload === PING_OF_OWNER && this.#isAsking) {
      this.#isAsking = false;
      this.#owner.pong();
    } else if (payload === PING_OF_NOTICE && this.#isNoticed) this.close();
  }

  #onGoaway({ size }: FrameHead, bytes: Buffer, start: number): boolean {
    this.#lastWelcome = Math.min(this.#lastWelcome, readUint31(bytes, start));
    this.#owner.goingAway();
    if (!this.#isServer) this.#refuseUnwelcome(readUint32(bytes, start + 4));
    this.#endIfEmpty();
    return this.#wastes(FRAME_HEAD_BYTES + size);
  }

  #refuseUnwelcome(code: number): void {
    for (const stream of this.#streams.values()) {
      if (stream.id <= this.#lastWelcome) continue;
      this.#remove(stream, Ending.ByUs);
      stream.close(Http2Code.RefusedStream, 'goaway');
    }
    // It closes the connection next (RFC 9113 section 5.4.1), if it does what it must.
    if (code !== Http2Code.NoError)
      this.destroy(new Http2Error(code, 'the peer has given the connection up'));
  }

  // ---- what it is held against ----

  /**
   * May it come on a stream that is closed? The connection ends if not. From a backend it may, at no cost: what is on
   * its way when a client gives up is not its doing, and its other streams are those of other clients.
   */
  #bearsLate(id: number): boolean {
    if (!this.#isServer) return true;
    const ending = this.#streams.endingOf(id);
    if (ending === Ending.ByUs || ending === Ending.Unknown) return this.#wastes(FRAME_HEAD_BYTES);
    return this.#refuse(Http2Code.StreamClosed, 'a frame on a stream that is closed');
  }

  #wastes(bytes: number): boolean {
    return this.#patience.frame(bytes) || this.#flooded();
  }

  #countReset({ openedAt }: Http2Stream): boolean {
    const livedMs = this.#worker.deadlines.coarseNow - openedAt;
    return !this.#isServer || this.#patience.reset(livedMs) || this.#flooded();
  }

  #flooded(): boolean {
    return this.#refuse(Http2Code.EnhanceYourCalm, 'more than it is worth');
  }

  /** For what the peer did (RFC 9113 section 5.4.2). Answers whether to go on. */
  #resetForPeer(stream: Http2Stream, code: number): boolean {
    if (this.#dataStream === stream) this.#dataStream = undefined;
    this.reset(stream, code);
    return !this.isOver;
  }

  // ---- StreamCarrier ----

  get bytes(): Buffer {
    return this.#outbox.bytes;
  }

  get buffers(): GatherBuffers {
    return this.#worker.gatherBuffers;
  }

  sendable(wanted: number): number {
    return this.#sending.sendable(wanted);
  }

  dataFrame(stream: Http2Stream, size: number, isLast: boolean): number {
    this.#sending.spend(size);
    stream.sendWindow -= size;
    if (size > 0) this.#patience.content(size);
    return this.#outbox.frame(FrameType.Data, isLast ? Flag.EndStream : 0, stream.id, size);
  }

  admits(stream: Http2Stream): boolean {
    return !this.isOver && (stream.id !== 0 || this.#number(stream));
  }

  headFrames(stream: Http2Stream, isLast: boolean): void {
    this.#outbox.head(stream.id, this.encoder.bytes, this.encoder.length, isLast);
  }

  #number(stream: Http2Stream): boolean {
    const id = this.#streams.lastOfOurs + 2;
    if (this.#state >= State.Closing || id > this.#lastWelcome) return false;
    this.#streams.lastOfOurs = id;
    stream.id = id;
    stream.sendWindow = this.peer.window;
    this.#streams.add(stream);
    return true;
  }

  waits(stream: Http2Stream): void {
    this.#sending.add(stream);
  }

  openWindow(stream: Http2Stream, bytes: number): void {
    this.#outbox.windowUpdate(stream.id, bytes);
  }

  dribbles(): void {
    if (!this.#patience.crumb()) this.#flooded();
  }

  reset(stream: Http2Stream, code: number): void {
    if (stream.id !== 0) {
      this.#outbox.reset(stream.id, code);
      this.#remove(stream, Ending.ByUs);
    }
    stream.close(code, 'us');
    this.#endIfEmpty();
    if (code !== Http2Code.NoError && code !== Http2Code.InternalError) this.#countReset(stream);
  }

  ended(stream: Http2Stream): void {
    this.#remove(stream, Ending.Complete);
    this.#patience.completed();
    stream.close(Http2Code.NoError, 'ended');
    this.#endIfEmpty();
  }

  #remove(stream: Http2Stream, ending: number): void {
    this.#streams.remove(stream, ending);
    this.#sending.remove(stream);
  }

  #endIfEmpty(): void {
    if (this.#state === State.Closing && this.#streams.size === 0) this.#end(undefined);
  }

  // ---- what is sent ----

  #drained(): void {
    this.#outbox.drained();
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#socket.resume();
    }
    this.#sending.run();
  }
}
