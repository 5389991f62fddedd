import { CR, LF } from './byte-class.ts';

/**
 * Bytes of a head that did not come in one piece. A parser always starts from the beginning; asked only when `add`
 * says so, it still reads no byte more than a few times, however small the pieces are.
 */
export class PartialHead {
  /** Holds the bytes `[0, length)`. */
  bytes: Buffer;
  length = 0;
  #triedAt = 0;

  constructor(capacity = 1_024) {
    this.bytes = Buffer.allocUnsafe(capacity);
  }

  /**
   * Takes a copy of `source[start, end)`. Answers whether parsing can have a new outcome: the head may be complete
   * now, a line ends as it must not, or the bytes have doubled since the last time, so what is wrong shows early.
   */
  add(source: Buffer, start: number, end: number): boolean {
    const before = this.length;
    this.#reserve(before + end - start);
    this.length += source.copy(this.bytes, before, start, end);
    const isWorthIt = this.length >= this.#triedAt * 2 || this.#hasDecisiveLine(before);
    if (isWorthIt) this.#triedAt = this.length;
    return isWorthIt;
  }

  /** Is there, from `from` on, a line end that is bare, or of an empty line? */
  #hasDecisiveLine(from: number): boolean {
    const { bytes, length } = this;
    for (let pos = from; pos < length; pos++) {
      if (bytes[pos] !== LF) continue;
      if (pos === 0 || bytes[pos - 1] !== CR || (pos > 1 && bytes[pos - 2] === LF)) return true;
    }
    return false;
  }

  #reserve(length: number): void {
    if (length <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(length, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}
