import type { Socket } from 'node:net';
import { type ReadOptions, readWith } from '../conn/shared-read.ts';
import type { ReadBuffers } from '../conn/read-buffers.ts';

/** Reads up to this size go on as one string: cheaper than a view on a buffer, and safe to queue. */
const STRING_BYTES = 1024;
/** A read of this size gives the connection a buffer of its own; one below a quarter of it takes that away again. */
const BUSY_BYTES = 32 * 1024;
/** What a client may say before it has an upstream; more stays in the kernel. */
const MAX_EARLY_BYTES = 64 * 1024;

/**
 * Passes what is read from one socket on to another, without a stream between them, uncopied in bulk. Reading stops
 * while the other socket has more than its high-water mark to write; resume the source when that drains.
 */
export class SocketReader {
  /** For `net.connect`. */
  readonly onread: ReadOptions;
  readonly #buffers: ReadBuffers;
  #own: Buffer | undefined;
  #to: Socket | undefined;
  #onBytes: () => void = ignore;
  readonly #early: Buffer[] = [];
  #earlyBytes = 0;

  constructor(buffers: ReadBuffers) {
    this.#buffers = buffers;
    this.onread = {
      buffer: () => this.#own ?? this.#buffers.shared,
      callback: (bytes, buffer) => this.#pass(bytes, buffer),
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
    const isShared = readWith(from, this.onread);
    for (let bytes: unknown = from.read(); bytes !== null; bytes = from.read()) this.#keep(bytes as Buffer);
    if (isShared) return;
    from.on('data', (bytes: Buffer) => {
      this.#onBytes();
      if (!(this.#to?.write(bytes) ?? this.#keep(bytes))) from.pause();
    });
  }

  /** After `listen`: passes on what was kept, then what comes. */
  adopt(from: Socket, to: Socket, onBytes: () => void): void {
    this.start(to, onBytes);
    if (this.#early.length > 0) onBytes();
    for (const bytes of this.#early.splice(0)) to.write(bytes);
    if (to.writableNeedDrain) from.pause();
    // A fresh socket reads already.
    else if (from.readableFlowing !== null || this.#earlyBytes >= MAX_EARLY_BYTES) from.resume();
  }

  /** The source is closed. */
  end(): void {
    if (this.#own === undefined) return;
    if (this.#to?.writableLength === 0) this.#buffers.giveBack(this.#own);
    this.#own = undefined;
  }

  /** False: no more for now. */
  #keep(bytes: Buffer): boolean {
    this.#early.push(bytes);
    this.#earlyBytes += bytes.length;
    return this.#earlyBytes < MAX_EARLY_BYTES;
  }

  #pass(bytes: number, buffer: Buffer): boolean {
    if (this.#to === undefined) return this.#keep(Buffer.from(buffer.subarray(0, bytes)));
    this.#onBytes();
    return buffer === this.#own ? this.#passOwn(bytes, buffer) : this.#passShared(bytes, buffer);
  }

  /** What cannot be written at once is queued: it must not stay in the shared buffer. */
  #passShared(bytes: number, buffer: Buffer): boolean {
    const to = this.#to!;
    if (bytes <= STRING_BYTES) return to.write(buffer.toString('latin1', 0, bytes), 'latin1');
    if (bytes >= BUSY_BYTES) this.#own = this.#buffers.take();
    if (to.writableLength > 0) return to.write(Buffer.from(buffer.subarray(0, bytes)));
    const more = to.write(this.#buffers.copyShared(bytes));
    if (to.writableLength > 0) this.#buffers.keepCopy();
    return more;
  }

  #passOwn(bytes: number, buffer: Buffer): boolean {
    const to = this.#to!;
    const more = to.write(buffer.subarray(0, bytes));
    if (to.writableLength === 0) {
      if (bytes < BUSY_BYTES / 4) this.end();
    } else if (more) {
      // A part of it is queued and reading goes on: into another one.
      this.#own = this.#buffers.take();
    }
    return more;
  }
}

function ignore(): void {}
