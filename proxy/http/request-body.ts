import type { Pieces } from '../conn/sender.ts';

const NONE: readonly Buffer[] = [];

/**
 * What has come of a request's body, framed as it goes on: held until there is a connection to send it on, and kept
 * after that while the request may have to be sent again.
 */
export class RequestBody {
  #parts: Buffer[] = [];
  /** Bytes that are held. */
  size = 0;
  /** All of it so far is held. */
  isWhole = true;

  reset(): void {
    if (this.#parts.length > 0) this.#parts = [];
    this.size = 0;
    this.isWhole = true;
  }

  get parts(): readonly Buffer[] {
    return this.size === 0 ? NONE : this.#parts;
  }

  /** Holds a copy. */
  add(bytes: Buffer, pieces: Pieces): void {
    if (pieces.before !== '') this.#push(Buffer.from(pieces.before, 'latin1'));
    for (let i = 0; i < pieces.rangeCount; i++) {
      this.#push(Buffer.from(bytes.subarray(pieces.ranges[i * 2], pieces.ranges[i * 2 + 1])));
    }
    if (pieces.after !== '') this.#push(Buffer.from(pieces.after, 'latin1'));
  }

  /** Lets go of what is held: it cannot be sent again. */
  drop(): void {
    this.#parts = [];
    this.size = 0;
    this.isWhole = false;
  }

  #push(part: Buffer): void {
    this.#parts.push(part);
    this.size += part.length;
  }
}
