import type { BodyPiece } from './h1/body-relay.ts';

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
  /** See `BodyPiece`. */
  trailers = '';

  reset(): void {
    if (this.#parts.length > 0) this.#parts = [];
    this.size = 0;
    this.isWhole = true;
    this.trailers = '';
  }

  get parts(): readonly Buffer[] {
    return this.size === 0 ? NONE : this.#parts;
  }

  /** Holds a copy. */
  add(bytes: Buffer, piece: BodyPiece): void {
    this.trailers = piece.trailers;
    if (piece.before !== '') this.#push(Buffer.from(piece.before, 'latin1'));
    for (let i = 0; i < piece.rangeCount; i++) {
      this.#push(Buffer.from(bytes.subarray(piece.ranges[i * 2], piece.ranges[i * 2 + 1])));
    }
    if (piece.after !== '') this.#push(Buffer.from(piece.after, 'latin1'));
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
