/** One read takes at most this much while a connection is quiet. */
const SHARED_BYTES = 64 * 1024;
/** One read of a busy connection: four times fewer calls for bulk than with 64 KiB. */
const PRIVATE_BYTES = 256 * 1024;
/** Private buffers that are kept for the next busy connection: 4 MiB. */
const MAX_SPARE = 16;

/**
 * What sockets of a worker read into. All quiet ones share one buffer, whose content must be used up before the read
 * callback returns; one that has much to say gets a buffer of its own for as long as it does.
 */
export class ReadBuffers {
  readonly shared: Buffer = Buffer.allocUnsafeSlow(SHARED_BYTES);
  readonly #spare: Buffer[] = [];
  #copies: Buffer = Buffer.allocUnsafeSlow(SHARED_BYTES);

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(PRIVATE_BYTES);
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
    this.#copies = Buffer.allocUnsafeSlow(SHARED_BYTES);
  }
}
