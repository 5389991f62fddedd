/**
 * How much a peer may send (RFC 9113 section 5.2): on a stream, or on the connection. The peer is told of what was
 * taken once that is half of the window: a WINDOW_UPDATE costs both of us a frame.
 */
export class ReceiveWindow {
  readonly #size: number;
  /** What the peer may still send. */
  #left: number;
  /** Taken, and not told yet. */
  #untold = 0;

  constructor(size: number) {
    this.#size = size;
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
    const told = this.#untold;
    if (told * 2 < this.#size) return 0;
    this.#untold = 0;
    this.#left += told;
    return told;
  }
}
