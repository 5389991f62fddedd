import type { BodyPiece } from './h1/body-relay.ts';
import { KeptParts } from './kept-parts.ts';

const NONE: readonly Buffer[] = [];

/**
 * What has come of a request's body, framed as it goes on: held until there is a connection to send it on, and kept
 * after that while the request may have to be sent again.
 */
export class RequestBody {
  #parts: KeptParts | undefined;
  /** Bytes that are held. */
  size = 0;
  /** All of it so far is held. */
  isWhole = true;
  /** See `BodyPiece`. */
  trailers = '';

  reset(): void {
    this.#parts = undefined;
    this.size = 0;
    this.isWhole = true;
    this.trailers = '';
  }

  get parts(): readonly Buffer[] {
    return this.#parts?.all ?? NONE;
  }

  /** Holds a copy. */
  add(bytes: Buffer, piece: BodyPiece): void {
    this.trailers = piece.trailers;
    if (piece.before !== '') this.#pushText(piece.before);
    for (let i = 0; i < piece.rangeCount; i++) {
      this.#push(bytes, piece.ranges[i * 2]!, piece.ranges[i * 2 + 1]!);
    }
    if (piece.after !== '') this.#pushText(piece.after);
  }

  /** Lets go of what is held: it cannot be sent again. */
  drop(): void {
    this.#parts = undefined;
    this.size = 0;
    this.isWhole = false;
  }

  #pushText(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.#push(bytes, 0, bytes.length);
  }

  #push(bytes: Buffer, start: number, end: number): void {
    this.#parts ??= new KeptParts();
    this.#parts.add(bytes, start, end);
    this.size += end - start;
  }
}
