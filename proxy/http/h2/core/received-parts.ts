/** Room that a part has at least: content may come byte by byte, and an object for each would be most of what is held. */
const MIN_PART_BYTES = 1_024;

/** Content that has come for a stream whose owner wants nothing yet. What it holds is in proportion to its bytes, however small the pieces were. */
export class ReceivedParts {
  readonly #parts: Buffer[] = [];
  /** How much of the last part is filled. */
  #filled = 0;

  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  /** Keeps a copy of `bytes[start, end)`. */
  add(bytes: Buffer, start: number, end: number): void {
    const last = this.#parts.at(-1);
    let from = start;
    if (last !== undefined) {
      const copied = bytes.copy(last, this.#filled, from, Math.min(end, from + last.length - this.#filled));
      this.#filled += copied;
      from += copied;
    }
    if (from === end) return;
    const part = Buffer.allocUnsafe(Math.max(MIN_PART_BYTES, end - from));
    this.#filled = bytes.copy(part, 0, from, end);
    this.#parts.push(part);
  }

  /** The oldest part, which is held no longer; there is one. */
  take(): Buffer {
    const part = this.#parts.shift()!;
    return this.isEmpty ? part.subarray(0, this.#filled) : part;
  }
}
