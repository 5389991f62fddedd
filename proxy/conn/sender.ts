import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { drainWhenFlushed } from './drain-when-flushed.ts';
import { latin1 } from '../http/h1/latin1.ts';

/** Part of a message: text, then ranges of some bytes, then text. */
export interface Pieces {
  readonly before: string;
  /** Start and end, `rangeCount` pairs. */
  readonly ranges: Int32Array;
  readonly rangeCount: number;
  readonly after: string;
}

/** What became of what was sent. */
export const Sent = {
  /** The kernel has all of it, or TLS has encrypted it: its bytes may be used for something else. */
  Flushed: 0,
  /** Some of it waits, and more may come. */
  Held: 1,
  /** Nothing more until `drain`. */
  Full: 2,
} as const;
export type Sent = (typeof Sent)[keyof typeof Sent];

/** Up to this size a message is cheapest as one string. */
const MAX_STRING_BYTES = 1_024;
/** Up to this size it is cheapest copied into one buffer; above, in several parts that are written at once. */
const MAX_COPY_BYTES = 32_768;

/**
 * Writes messages to sockets, each in one system call: two cost a quarter more. One for a worker, since its buffer
 * is free again when the kernel took everything, which is nearly always.
 */
export class Sender {
  #buffer = Buffer.allocUnsafeSlow(MAX_COPY_BYTES);

  /**
   * Writes `head` (latin1) and `pieces` of `bytes`. `keeps`: `bytes` stays as it is until it is written; else what
   * the kernel does not take at once is copied.
   */
  send(socket: Socket, head: string, bytes: Buffer, pieces: Pieces, keeps: boolean): Sent {
    const { before, ranges, rangeCount, after } = pieces;
    let size = head.length + before.length + after.length;
    for (let i = 0; i < rangeCount; i++) size += ranges[i * 2 + 1]! - ranges[i * 2]!;
    if (size === 0) return socket.writableNeedDrain ? Sent.Full : Sent.Held;
    if (size <= MAX_STRING_BYTES) {
      let text = head + before;
      for (let i = 0; i < rangeCount; i++) text += latin1(bytes, ranges[i * 2]!, ranges[i * 2 + 1]!);
      return outcome(socket, socket.write(text + after, 'latin1'));
    }
    if (size <= MAX_COPY_BYTES) return this.#sendCopy(socket, head, bytes, pieces, size);
    return sendParts(socket, head, bytes, pieces, keeps);
  }

  /** As `send`, for who reads on only when nothing waits, so that one read is all that is ever held. */
  sendAlone(socket: Socket, bytes: Buffer, pieces: Pieces, keeps: boolean): Sent {
    const sent = this.send(socket, '', bytes, pieces, keeps);
    if (sent !== Sent.Held) return sent;
    drainWhenFlushed(socket);
    return Sent.Full;
  }

  sendText(socket: Socket, text: string): Sent {
    return outcome(socket, socket.write(text, 'latin1'));
  }

  /** Writes a head and what follows it, which stays as it is. */
  sendAll(socket: Socket, head: string, parts: readonly Buffer[]): Sent {
    if (parts.length === 0) return this.sendText(socket, head);
    socket.cork();
    socket.write(head, 'latin1');
    for (const part of parts) socket.write(part);
    socket.uncork();
    return outcome(socket, !socket.writableNeedDrain);
  }

  #sendCopy(socket: Socket, head: string, bytes: Buffer, pieces: Pieces, size: number): Sent {
    const isWaiting = socket.writableLength > 0;
    const buffer = isWaiting ? Buffer.allocUnsafe(size) : this.#buffer;
    let end = buffer.write(head, 0, 'latin1');
    end += buffer.write(pieces.before, end, 'latin1');
    for (let i = 0; i < pieces.rangeCount; i++) {
      end += bytes.copy(buffer, end, pieces.ranges[i * 2], pieces.ranges[i * 2 + 1]);
    }
    end += buffer.write(pieces.after, end, 'latin1');
    const more = socket.write(end === buffer.length ? buffer : buffer.subarray(0, end));
    const sent = outcome(socket, more, isWaiting);
    if (sent !== Sent.Flushed && !isWaiting) this.#buffer = Buffer.allocUnsafeSlow(MAX_COPY_BYTES);
    return sent;
  }
}

function sendParts(socket: Socket, head: string, bytes: Buffer, pieces: Pieces, keeps: boolean): Sent {
  const { before, ranges, rangeCount, after } = pieces;
  const start = head + before;
  let more = true;
  const isWaiting = socket.writableLength > 0;
  const isOne = start === '' && after === '' && rangeCount === 1;
  if (!isOne) socket.cork();
  if (start !== '') more = socket.write(Buffer.from(start, 'latin1'));
  for (let i = 0; i < rangeCount; i++) {
    const part = bytes.subarray(ranges[i * 2], ranges[i * 2 + 1]);
    more = socket.write(keeps ? part : Buffer.from(part));
  }
  if (after !== '') more = socket.write(Buffer.from(after, 'latin1'));
  // Corked, `write` counts what the kernel was not even offered.
  if (!isOne) {
    socket.uncork();
    more = !socket.writableNeedDrain;
  }
  return outcome(socket, more, isWaiting);
}

/** @param isWaiting something waited in front of what was written */
function outcome(socket: Socket, more: boolean, isWaiting = true): Sent {
  if (socket.writableLength === 0) return Sent.Flushed;
  // A write that nothing waits in front of is encrypted, and so copied, before it returns.
  if (!isWaiting && more && socket instanceof TLSSocket) return Sent.Flushed;
  return more ? Sent.Held : Sent.Full;
}
