import { Sent } from '../../../conn/sender.ts';
import type { HpackEncoder } from '../hpack/encoder.ts';
import type { Fields } from '../hpack/fields.ts';
import { KeptParts } from '../../kept-parts.ts';
import type { ConnectionOptions } from './connection-owner.ts';
import type { GatherBuffers } from './gather-buffers.ts';
import { HeldPart } from './held-part.ts';
import { Http2Code, MAX_INT31 } from './protocol.ts';
import { ReceiveWindow } from './receive-window.ts';

/** Who opens a window by less than this, for content that waits, makes frames that are little but head. */
const DRIBBLE_BYTES = 64;

/** Whose doing it was that a stream is over. */
export type EndedBy =
  /** Both sides have said all. */
  | 'ended'
  /** A RST_STREAM of ours. */
  | 'us'
  | 'peer'
  /** The peer has gone away without looking at it. */
  | 'goaway'
  /** All of the connection's streams are. */
  | 'connection';

/** Who has a stream, and hears what comes on it. Nothing but `closed` comes after `leave`. */
export interface StreamOwner {
  /**
   * To the side that has opened it: the head of the response, or an interim one (1xx). `fields` hold until it returns.
   * @param isLast nothing follows
   */
  head(fields: Fields, isInterim: boolean, isLast: boolean): void;
  /** Content, while it is not paused; the bytes hold until it returns. */
  data(bytes: Buffer, start: number, end: number): void;
  /** Trailers, as soon as they come: content that was held back follows, then `end`. `fields` hold until it returns. */
  trailers(fields: Fields): void;
  /** All content was given. Not told when the head was the last. */
  end(): void;
  /** After `Sent.Full`: all that was held has left. */
  drained(): void;
  /** It is over; told once, perhaps before the call of ours that led to it returns. `code`: of RFC 9113 section 7. */
  closed(code: number, by: EndedBy): void;
}

/** What of a piece of a body is sent. */
export interface Content {
  /** Start and end, `rangeCount` pairs. */
  readonly ranges: Int32Array;
  readonly rangeCount: number;
  /** Nothing follows. */
  readonly done: boolean;
  /** When `done`: complete lines, latin1. */
  readonly trailers: string;
}

/** What a stream needs of its connection. */
export interface StreamCarrier {
  readonly encoder: HpackEncoder;
  /** How much of `wanted` may be sent in one frame now. */
  sendable(wanted: number): number;
  /** Begins a frame of content. Answers where in `bytes` it is to be written, at once. */
  dataFrame(stream: Http2Stream, size: number, isLast: boolean): number;
  /** What is being gathered. */
  readonly bytes: Buffer;
  /** For what waits. */
  readonly buffers: GatherBuffers;
  /** Can anything be sent on it? One of ours gets its number with that. */
  admits(stream: Http2Stream): boolean;
  /** Sends the encoder's block. */
  headFrames(stream: Http2Stream, isLast: boolean): void;
  /** It has something to send, and a window for it. */
  waits(stream: Http2Stream): void;
  /** Tells the peer that it may send so much more. */
  openWindow(stream: Http2Stream, bytes: number): void;
  /** The peer has it sent in crumbs. */
  dribbles(): void;
  reset(stream: Http2Stream, code: number): void;
  /** Both sides have said all. */
  ended(stream: Http2Stream): void;
}

/**
 * One stream of a connection: what it may send and what waits to be sent, and what has come while its owner wants
 * nothing. A stream that nobody reads holds no more than its window, and holds nobody up.
 */
export class Http2Stream {
  readonly #carrier: StreamCarrier;
  readonly #window: ReceiveWindow;
  /** 0: its head was not sent. */
  id: number;
  owner: StreamOwner | undefined;
  isClosed = false;
  /** Of one that the peer has opened: `coarseNow`. */
  openedAt = 0;

  // ---- what comes ----
  /** The final head was received. */
  hasHead: boolean;
  /** The peer has said all. */
  isPeerDone = false;
  /** And the owner has heard it. */
  #isHeard = false;
  #isPaused = false;
  #isLeft = false;
  #isGiving = false;
  /** What came while it was paused. */
  #received: KeptParts | undefined;

  // ---- what is sent ----
  sendWindow: number;
  /** All was sent. */
  isSent = false;
  /** What waits for a window or for the socket, and how much of the first part has left. */
  #held: HeldPart[] | undefined;
  #heldFrom = 0;
  #endsAfterHeld = false;
  #trailers = '';

  /** @param sendWindow in bytes: what the peer takes at first */
  constructor(
    carrier: StreamCarrier,
    id: number,
    { streamWindow, grownStreamWindow }: ConnectionOptions,
    sendWindow: number,
  ) {
    this.#carrier = carrier;
    this.id = id;
    this.hasHead = id !== 0;
    this.#window = new ReceiveWindow(streamWindow, grownStreamWindow);
    this.sendWindow = sendWindow;
  }

  // ---- for its owner: what comes ----

  /** Keeps what comes, at most a window of it, until `resume`. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#give();
  }

  /**
   * The owner wants nothing more of what comes. What it has sent leaves still, and the peer is told then that it need
   * not go on (RFC 9113 section 8.1).
   */
  leave(): void {
    if (this.isClosed) return;
    this.#isLeft = true;
    this.#received = undefined;
    if (this.isSent) this.#finish();
  }

  // ---- for its owner: what is sent ----

  /**
   * The encoder, for the fields of a head or of trailers; `sendHead` follows in any case, before anything else is
   * sent. Undefined: nothing can be sent on it any more.
   */
  beginHead(): HpackEncoder | undefined {
    if (this.isClosed || this.isSent || !this.#carrier.admits(this)) return undefined;
    const { encoder } = this.#carrier;
    encoder.begin();
    return encoder;
  }

  /** Sends what the encoder was given. */
  sendHead(isLast: boolean): void {
    this.#carrier.headFrames(this, isLast);
    if (isLast) this.#allSent();
  }

  /** Sends content of `bytes`, which are free again when it returns. `Full`: no more until `drained`. */
  send(bytes: Buffer, { ranges, rangeCount, done, trailers }: Content): Sent {
    if (this.isClosed || this.isSent) return Sent.Full;
    let left = 0;
    for (let i = 0; i < rangeCount; i++) left += ranges[i * 2 + 1]! - ranges[i * 2]!;
    const endsWithContent = done && trailers === '' && left > 0;
    let range = 0;
    let at = ranges[0]!;
    while (left > 0) {
      const size = this.#held === undefined ? this.#sendable(left) : 0;
      const isHeld = size === 0;
      let space = isHeld ? left : size;
      left -= space;
      let to = isHeld ? 0 : this.#carrier.dataFrame(this, size, endsWithContent && left === 0);
      const target = isHeld ? this.#hold(space) : this.#carrier.bytes;
      while (space > 0) {
        const copied = Math.min(space, ranges[range * 2 + 1]! - at);
        bytes.copy(target, to, at, at + copied);
        to += copied;
        space -= copied;
        at += copied;
        if (at === ranges[range * 2 + 1]) at = ranges[++range * 2]!;
      }
    }
    if (done) this.#end(trailers, endsWithContent);
    return this.#held === undefined ? Sent.Flushed : Sent.Full;
  }

  /** Ends it at once. `closed` comes before this returns. */
  reset(code: number): void {
    if (!this.isClosed) this.#carrier.reset(this, code);
  }

  #sendable(wanted: number): number {
    return this.#carrier.sendable(Math.min(wanted, this.sendWindow));
  }

  /** Answers where content is to be copied to that has to wait. */
  #hold(size: number): Buffer {
    const part = new HeldPart(size, this.#carrier.buffers);
    this.#held ??= [];
    this.#held.push(part);
    if (this.#held.length === 1) this.#wait();
    return part.bytes;
  }

  #dropHeld(): void {
    for (const part of this.#held ?? []) part.release();
    this.#held = undefined;
  }

  /** For its turn among the connection's streams. Where its own window is shut it waits for that to open. */
  #wait(): void {
    if (this.sendWindow > 0) this.#carrier.waits(this);
  }

  /** All was given. @param isTold the last frame of content has said so, or will */
  #end(trailers: string, isTold: boolean): void {
    this.#trailers = trailers;
    if (this.#held !== undefined) this.#endsAfterHeld = true;
    else if (isTold) this.#allSent();
    else this.#sendEnd();
  }

  #sendEnd(): void {
    if (this.#trailers === '') {
      this.#carrier.dataFrame(this, 0, true);
      this.#allSent();
    } else {
      const encoder = this.beginHead();
      if (encoder === undefined) return;
      encoder.lines(this.#trailers);
      this.sendHead(true);
    }
  }

  #allSent(): void {
    this.isSent = true;
    if (this.#isHeard || this.#isLeft) this.#finish();
  }

  #finish(): void {
    if (this.isPeerDone) this.#carrier.ended(this);
    else this.reset(Http2Code.NoError);
  }

  // ---- for its connection ----

  /** All of it has come, and the owner has not taken it yet. */
  get isWaitingWhole(): boolean {
    return this.isPeerDone && !this.#isHeard;
  }

  /** Its window, or the connection's, or the socket has opened: sends one frame of what it holds. */
  sendHeld(): void {
    const held = this.#held;
    if (held === undefined) return;
    const first = held[0]!;
    const waiting = first.bytes.length - this.#heldFrom;
    const size = this.#sendable(waiting);
    if (size > 0) {
      const isLast = this.#endsAfterHeld && this.#trailers === '' && held.length === 1 && size === waiting;
      const to = this.#carrier.dataFrame(this, size, isLast);
      first.bytes.copy(this.#carrier.bytes, to, this.#heldFrom, this.#heldFrom + size);
      this.#heldFrom += size;
      if (size === waiting) {
        held.shift()!.release();
        this.#heldFrom = 0;
      }
    }
    if (held.length > 0) this.#wait();
    else this.#emptied();
    if (size > 0 && size < Math.min(waiting, DRIBBLE_BYTES)) this.#carrier.dribbles();
  }

  #emptied(): void {
    this.#held = undefined;
    if (!this.#endsAfterHeld) this.owner?.drained();
    else if (this.#trailers === '') this.#allSent();
    else this.#sendEnd();
  }

  /** The peer takes more, or less. False: more than there can be. */
  moveSendWindow(bytes: number): boolean {
    this.sendWindow += bytes;
    if (this.sendWindow > MAX_INT31) return false;
    if (this.#held !== undefined) this.#wait();
    return true;
  }

  /** The peer takes nothing more, and has said all that it has to say. */
  stopSending(): void {
    this.#dropHeld();
    if (!this.isSent) this.#allSent();
  }

  /** A frame of DATA comes, padding and all. False: more than it may be. */
  receives(bytes: number): boolean {
    return this.#window.receive(bytes);
  }

  /** It ends with its head. */
  receivedWhole(): void {
    this.isPeerDone = true;
    this.#isHeard = true;
  }

  takeHead(fields: Fields, isInterim: boolean, isLast: boolean): void {
    if (!isInterim) this.hasHead = true;
    if (isLast) this.receivedWhole();
    if (!this.#isLeft) this.owner?.head(fields, isInterim, isLast);
    if (isLast && this.isSent && !this.isClosed) this.#finish();
  }

  takeData(bytes: Buffer, start: number, end: number): void {
    if (this.#isLeft || this.isClosed) return;
    if (this.#isPaused) {
      this.#received ??= new KeptParts();
      this.#received.add(bytes, start, end);
      return;
    }
    this.owner?.data(bytes, start, end);
    this.release(end - start);
  }

  /** So much of what has come is held no longer. */
  release(bytes: number): void {
    if (this.isPeerDone || this.isClosed || this.#isLeft) return;
    const told = this.#window.release(bytes);
    if (told > 0) this.#carrier.openWindow(this, told);
  }

  takeTrailers(fields: Fields): void {
    if (!this.#isLeft) this.owner?.trailers(fields);
  }

  /** The peer has said all. */
  takeEnd(): void {
    if (this.isClosed) return;
    this.isPeerDone = true;
    this.#give();
    if (this.#isLeft && this.isSent && !this.isClosed) this.#finish();
  }

  /** Gives the owner what was held back, for as long as it takes it. */
  #give(): void {
    if (this.#isGiving) return;
    this.#isGiving = true;
    while (!this.#isPaused && !this.isClosed && this.#received !== undefined) {
      const part = this.#received.take();
      if (this.#received.isEmpty) this.#received = undefined;
      this.owner?.data(part, 0, part.length);
      this.release(part.length);
    }
    this.#isGiving = false;
    const isDue = this.isPeerDone && !this.#isHeard && !this.#isLeft;
    if (!isDue || this.#isPaused || this.isClosed) return;
    this.#isHeard = true;
    this.owner?.end();
    if (this.isSent && !this.isClosed) this.#finish();
  }

  /** It is over. */
  close(code: number, by: EndedBy): void {
    this.isClosed = true;
    this.#dropHeld();
    this.#received = undefined;
    this.owner?.closed(code, by);
  }
}
