/**
 * How much a peer may send (RFC 9113 section 5.2): on a stream, or on the connection. The peer is told of what was
 * taken once that is half of the window: a WINDOW_UPDATE costs both of us a frame.
 *
 * A window bounds the rate by the round trip, and is what somebody who stalls may have us hold. So it can be small at
 * first, and larger for those of whom a whole window was taken.
 */
export class ReceiveWindow {
  #size: number;
  readonly #most: number;
  /** What the peer may still send. */
  #left: number;
  /** Taken, and not told yet. */
  #untold = 0;
  /** What the peer was told of in all, until the window has grown. */
  #told = 0;

  /** @param most what it grows to, once */
  constructor(size: number, most = size) {
    this.#size = size;
    this.#most = most;
    this.#left = size;
  }

  /** So much has come. False: more than it may be. */
  receive(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /** So much is held no longer. Answers what the peer is to be told of; 0: nothing yet. */
  release(bytes: number): number {
    this.#untold += bytes;
    if (this.#untold * 2 < this.#size) return 0;
    const told = this.#untold + this.#growth();
    this.#untold = 0;
    this.#left += told;
    return told;
  }

  #growth(): number {
    if (this.#size === this.#most) return 0;
    this.#told += this.#untold;
    if (this.#told < this.#size) return 0;
    const growth = this.#most - this.#size;
    this.#size = this.#most;
    return growth;
  }
}
