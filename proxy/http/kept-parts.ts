/** Room that a further part has at least: content may come byte by byte, and an object for each would be most of what is kept. */
const MIN_PART_BYTES = 1_024;

/** Content that is kept until somebody takes it. What it costs is in proportion to its bytes, however small the pieces were that it came in. */
export class KeptParts {
  readonly #parts: Buffer[] = [];
  /** How much of the last part is filled. */
  #filled = 0;

  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  /** What is kept; what is added later does not change it. */
  get all(): readonly Buffer[] {
    return this.#parts.map((part, i) =>
      i === this.#parts.length - 1 ? part.subarray(0, this.#filled) : part,
    );
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
    const size = last === undefined ? end - from : Math.max(MIN_PART_BYTES, end - from);
    const part = Buffer.allocUnsafe(size);
    this.#filled = bytes.copy(part, 0, from, end);
    this.#parts.push(part);
  }

  /** The oldest part, which is kept no longer; there is one. */
  take(): Buffer {
    const part = this.#parts.shift()!;
    return this.isEmpty ? part.subarray(0, this.#filled) : part;
  }
}
