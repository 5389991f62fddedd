import type { Socket } from 'node:net';
import { drainWhenFlushed } from '../conn/drain-when-flushed.ts';
import type { ReadBuffers } from '../conn/read-buffers.ts';
import { type ReadOptions, readWith } from '../conn/shared-read.ts';

/** Reads up to this size go on as one string: cheaper than a view on a buffer, and safe to queue. */
const STRING_BYTES = 1024;
/** A read of this size gives the connection a buffer of its own; one below a quarter of it takes that away again. */
const BUSY_BYTES = 32 * 1024;
/** What a client may say before it has an upstream; more stays in the kernel. */
const MAX_EARLY_BYTES = 64 * 1024;

/**
 * Passes what is read from one socket on to another, without a stream between them, uncopied in bulk. Reading stops
 * while any of it waits to be written, so that one read is all that is held; resume the source when the other drains.
 */
export class SocketReader {
  /** For `net.connect`. */
  readonly onread: ReadOptions;
  readonly #buffers: ReadBuffers;
  #own: Buffer | undefined;
  #to: Socket | undefined;
  #onBytes: () => void = ignore;
  /** What came between `listen` and `adopt`. */
  #early: Buffer[] | undefined;
  #earlyBytes = 0;

  constructor(buffers: ReadBuffers) {
    this.#buffers = buffers;
    this.onread = {
      buffer: () => this.#own ?? (this.#early === undefined ? buffers.shared : buffers.early),
      callback: (bytes, buffer) => this.#take(bytes, buffer),
    };
  }

  /** To be called before a socket that was made with `onread` has connected. */
  start(to: Socket, onBytes: () => void): void {
    this.#to = to;
    this.#onBytes = onBytes;
  }

  /**
   * For a socket that was accepted: reads it from now on, with what it has read so far, and keeps what comes until
   * `adopt`. A stream's own reading would take a buffer of 64 KiB for every first word of a client.
   */
  listen(from: Socket): void {
    this.#early = [];
    const isShared = readWith(from, this.onread);
    let more = true;
    for (let bytes: unknown = from.read(); bytes !== null; bytes = from.read()) {
      more = this.#keep(bytes as Buffer);
    }
    if (!isShared) {
      from.on('data', (bytes: Buffer) => {
        if (!this.#takeOwned(bytes)) from.pause();
      });
    }
    if (!more) from.pause();
  }

  /** After `listen`: writes what the connection begins with, if anything, and what was kept, then what comes. */
  adopt(from: Socket, to: Socket, introduction: Buffer | undefined, onBytes: () => void): void {
    const early = this.#early!;
    const wasFull = this.#isFull;
    this.#early = undefined;
    this.start(to, onBytes);
    if (early.length > 0) onBytes();
    if (introduction !== undefined) early.unshift(introduction);
    if (early.length > 1) to.cork();
    for (const bytes of early) to.write(bytes);
    if (early.length > 1) to.uncork();
    if (to.writableLength > 0) {
      from.pause();
      drainWhenFlushed(to);
    }
    // A fresh socket reads already.
    else if (from.readableFlowing !== null || wasFull) from.resume();
  }

  /** The source is closed. */
  end(): void {
    if (this.#own === undefined) return;
    if (this.#to?.writableLength === 0) this.#buffers.giveBack(this.#own);
    this.#own = undefined;
  }

  /** False: no more for now. */
  #keep(bytes: Buffer): boolean {
    this.#early!.push(bytes);
    this.#earlyBytes += bytes.length;
    return !this.#isFull;
  }

  get #isFull(): boolean {
    return this.#earlyBytes + this.#buffers.early.length > MAX_EARLY_BYTES;
  }

  /** Of a buffer that the next read overwrites. */
  #take(bytes: number, buffer: Buffer): boolean {
    const to = this.#to;
    if (to === undefined) return this.#keep(Buffer.from(buffer.subarray(0, bytes)));
    this.#onBytes();
    if (buffer === this.#own) to.write(buffer.subarray(0, bytes));
    else this.#writeShared(to, bytes, buffer);
    if (to.writableLength > 0) {
      drainWhenFlushed(to);
      return false;
    }
    if (bytes < BUSY_BYTES / 4) this.end();
    return true;
  }

  #takeOwned(bytes: Buffer): boolean {
    const to = this.#to;
    if (to === undefined) return this.#keep(bytes);
    this.#onBytes();
    to.write(bytes);
    if (to.writableLength === 0) return true;
    drainWhenFlushed(to);
    return false;
  }

  /** What cannot be written at once is queued: it must not stay in the shared buffer. */
  #writeShared(to: Socket, bytes: number, buffer: Buffer): void {
    if (bytes <= STRING_BYTES) {
      to.write(buffer.toString('latin1', 0, bytes), 'latin1');
      return;
    }
    if (bytes >= BUSY_BYTES) this.#own = this.#buffers.take();
    to.write(this.#buffers.copyShared(bytes));
    if (to.writableLength > 0) this.#buffers.keepCopy();
  }
}

function ignore(): void {}
