/**
 * What one read takes at most, and what a session holds for a receiver that stalls. Below the high-water mark of
 * Node's sockets (64 KiB), or each write makes a `drain` of its own and stops the reading until then, also when the
 * kernel took it at once: that, not the size, is what made reads of 64 KiB dearer than larger ones. Whole cache lines:
 * an odd size puts every copy after it out of step, and bulk costs a quarter more.
 */
const READ_BYTES = 64 * 1024 - 64;
const EARLY_READ_BYTES = 16 * 1024;
/** Private buffers that are kept for the next busy connection: 4 MiB. */
const MAX_SPARE = 64;

/**
 * What sockets of a worker read into. All quiet ones share one buffer, whose content must be used up before the read
 * callback returns; one that has much to say gets a buffer of its own for as long as it does, to be written uncopied.
 */
export class ReadBuffers {
  readonly shared: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  /** The beginning of it: for what has to be kept, bit by bit, until it is known where it goes. */
  readonly early: Buffer = this.shared.subarray(0, EARLY_READ_BYTES);
  readonly #spare: Buffer[] = [];
  #copies: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
  }

  /** Nothing reads into it or writes from it any more. */
  giveBack(buffer: Buffer): void {
    if (this.#spare.length < MAX_SPARE) this.#spare.push(buffer);
  }

  get spare(): number {
    return this.#spare.length;
  }

  /** A copy of the beginning of `shared`, good until the next copy is made unless `keepCopy` is called before. */
  copyShared(bytes: number): Buffer {
    this.shared.copy(this.#copies, 0, 0, bytes);
    return this.#copies.subarray(0, bytes);
  }

  /** The last copy is still to be written. */
  keepCopy(): void {
    this.#copies = Buffer.allocUnsafeSlow(READ_BYTES);
  }
}
