import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Flushable, FlushQueue } from '../../../conn/flush-queue.ts';
import { latin1 } from '../../h1/latin1.ts';
import type { GatherBuffer, GatherBuffers } from './gather-buffers.ts';
import { Flag, FRAME_HEAD_BYTES, FrameType, MAX_FRAME_BYTES, writeUint32 } from './protocol.ts';

/** Up to this size a write is cheapest as a string. */
const MAX_STRING_BYTES = 1_024;

/** Up to this size a write is nearly always done when it returns, and its buffer free without being told so. */
const MAX_QUICK_BYTES = 16_384;

/**
 * What one connection sends: frames are gathered, and leave together at the end of the turn, or when the buffer is
 * full. It holds nothing back when the socket takes no more: who writes asks `isBlocked`.
 */
export class Outbox implements Flushable {
  readonly #socket: Socket;
  readonly #buffers: GatherBuffers;
  readonly #flushes: FlushQueue;
  #buffer: GatherBuffer | undefined;
  #length = 0;
  #isQueued = false;
  /** Bytes that were added since the socket takes no more. */
  #pile = 0;

  constructor(socket: Socket, buffers: GatherBuffers, flushes: FlushQueue) {
    this.#socket = socket;
    this.#buffers = buffers;
    this.#flushes = flushes;
  }

  /** What is gathered, to write the payload of a frame to. */
  get bytes(): Buffer {
    return this.#buffer!.bytes;
  }

  /** The socket takes no more until it drains. */
  get isBlocked(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** How much waits behind a socket that takes no more. */
  get pile(): number {
    return this.#pile;
  }

  /** Begins a frame with a payload of `size` bytes, at most `MAX_FRAME_BYTES`. Answers where in `bytes` its payload is to be written, at once. */
  frame(type: number, flags: number, stream: number, size: number): number {
    const at = this.#reserve(FRAME_HEAD_BYTES + size);
    const { bytes } = this.#buffer!;
    bytes[at] = size >>> 16;
    bytes[at + 1] = size >>> 8;
    bytes[at + 2] = size;
    bytes[at + 3] = type;
    bytes[at + 4] = flags;
    writeUint32(bytes, stream, at + 5);
    return at + FRAME_HEAD_BYTES;
  }

  /** HEADERS, and CONTINUATION where one frame is not enough. */
  head(stream: number, block: Buffer, length: number, isLast: boolean): void {
    let sent = 0;
    do {
      const size = Math.min(length - sent, MAX_FRAME_BYTES);
      const type = sent === 0 ? FrameType.Headers : FrameType.Continuation;
      const flags =
        (sent === 0 && isLast ? Flag.EndStream : 0) | (sent + size === length ? Flag.EndHeaders : 0);
      const at = this.frame(type, flags, stream, size);
      block.copy(this.bytes, at, sent, sent + size);
      sent += size;
    } while (sent < length);
  }

  settings(settings: readonly (readonly [setting: number, value: number])[]): void {
    let at = this.frame(FrameType.Settings, 0, 0, settings.length * 6);
    for (const [setting, value] of settings) {
      this.bytes[at] = 0;
      this.bytes[at + 1] = setting;
      writeUint32(this.bytes, value, at + 2);
      at += 6;
    }
  }

  reset(stream: number, code: number): void {
    const at = this.frame(FrameType.RstStream, 0, stream, 4);
    writeUint32(this.bytes, code, at);
  }

  windowUpdate(stream: number, bytes: number): void {
    const at = this.frame(FrameType.WindowUpdate, 0, stream, 4);
    writeUint32(this.bytes, bytes, at);
  }

  ping(payload: number): void {
    const at = this.frame(FrameType.Ping, 0, 0, 8);
    writeUint32(this.bytes, 0, at);
    writeUint32(this.bytes, payload, at + 4);
  }

  /** The answer to a PING, with its payload. */
  pong(bytes: Buffer, start: number, end: number): void {
    const at = this.frame(FrameType.Ping, Flag.Ack, 0, 8);
    bytes.copy(this.bytes, at, start, end);
  }

  /** @param last the last stream of the peer that is looked at */
  goaway(last: number, code: number): void {
    const at = this.frame(FrameType.Goaway, 0, 0, 8);
    writeUint32(this.bytes, last, at);
    writeUint32(this.bytes, code, at + 4);
  }

  /** Bytes as they are. */
  add(bytes: Buffer): void {
    const at = this.#reserve(bytes.length);
    bytes.copy(this.#buffer!.bytes, at);
  }

  /** Of the queue: the turn is over. */
  flush(): void {
    this.#isQueued = false;
    this.#write();
  }

  /** Writes what there is, and nothing after it. */
  finish(): void {
    this.#write();
    this.#socket.end();
  }

  /** The socket takes more again. */
  drained(): void {
    this.#pile = 0;
  }

  #reserve(size: number): number {
    if (this.#buffer !== undefined && this.#length + size > this.#buffer.bytes.length) this.#write();
    this.#buffer ??= this.#buffers.take();
    if (!this.#isQueued) {
      this.#isQueued = true;
      this.#flushes.add(this);
    }
    if (this.isBlocked) this.#pile += size;
    const at = this.#length;
    this.#length += size;
    return at;
  }

  #write(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    const socket = this.#socket;
    const length = this.#length;
    this.#buffer = undefined;
    this.#length = 0;
    if (socket.destroyed || socket.writableEnded) this.#buffers.giveBack(buffer);
    else if (length <= MAX_STRING_BYTES) {
      socket.write(latin1(buffer.bytes, 0, length), 'latin1');
      this.#buffers.giveBack(buffer);
    } else if (length > MAX_QUICK_BYTES || socket.writableLength > 0)
      socket.write(buffer.bytes.subarray(0, length), buffer.written);
    else {
      const more = socket.write(buffer.bytes.subarray(0, length));
      // A write that nothing waits in front of is encrypted, and so copied, before it returns.
      const isFree = socket.writableLength === 0 || (more && socket instanceof TLSSocket);
      if (isFree) this.#buffers.giveBack(buffer);
    }
  }
}
