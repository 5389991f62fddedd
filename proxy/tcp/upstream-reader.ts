import type { OnReadOpts, Socket } from 'node:net';
import type { ReadBuffers } from './read-buffers.ts';

/** Reads up to this size go on as one string: cheaper than a view on a buffer, and safe to queue. */
const STRING_BYTES = 1024;
/** A read of this size gives the connection a buffer of its own; one below a quarter of it takes that away again. */
const BUSY_BYTES = 32 * 1024;

/**
 * Passes what is read from one socket on to another, without a stream between them, uncopied in bulk. Reading stops
 * while the other socket has more than its high-water mark to write; resume the source when that drains.
 */
export class UpstreamReader {
  /** For `net.connect`. */
  readonly onread: OnReadOpts;
  readonly #buffers: ReadBuffers;
  #own: Buffer | undefined;
  #to: Socket | undefined;
  #onBytes: () => void = () => {};

  constructor(buffers: ReadBuffers) {
    this.#buffers = buffers;
    this.onread = {
      buffer: () => this.#own ?? this.#buffers.shared,
      callback: (bytes, buffer) => this.#pass(bytes, buffer as Buffer),
    };
  }

  /** To be called before the source has connected. */
  start(to: Socket, onBytes: () => void): void {
    this.#to = to;
    this.#onBytes = onBytes;
  }

  /** The source is closed. */
  end(): void {
    if (this.#own === undefined) return;
    if (this.#to?.writableLength === 0) this.#buffers.giveBack(this.#own);
    this.#own = undefined;
  }

  #pass(bytes: number, buffer: Buffer): boolean {
    this.#onBytes();
    return buffer === this.#own ? this.#passOwn(bytes, buffer) : this.#passShared(bytes, buffer);
  }

  /** What cannot be written at once is queued: it must not stay in the shared buffer. */
  #passShared(bytes: number, buffer: Buffer): boolean {
    if (bytes <= STRING_BYTES) return this.#to!.write(buffer.toString('latin1', 0, bytes), 'latin1');
    if (bytes >= BUSY_BYTES) this.#own = this.#buffers.take();
    return this.#to!.write(Buffer.from(buffer.subarray(0, bytes)));
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
