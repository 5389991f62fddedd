import type { HeaderLines } from '../h1/header-lines.ts';
import { MAX_HEADERS } from '../h1/limits.ts';
import type { Fields } from './hpack/fields.ts';

const END = '\r\n';
/** No field starts there. */
const NO_RUN = -1;

/**
 * The fields of an HTTP/2 message written as the head of an HTTP/1.1 message, for the parser that reads those
 * strictly. A field must not become two on the way, or another one: `isReadAs` says whether the lines that were read
 * are the very fields that were written. That holds whatever HPACK has brought: a line end, a colon in a name, white
 * space around a value, a capital (RFC 9113 section 8.2.1).
 *
 * Reused from message to message.
 */
export class FieldText {
  readonly bytes: Buffer;
  /** Of what was written so far; more than there is room for when it is too much. */
  length = 0;
  #count = 0;
  readonly #starts = new Int32Array(MAX_HEADERS + 1);
  readonly #nameLengths = new Int32Array(MAX_HEADERS + 1);
  /** Lines that follow each other in what was unpacked, and are to be copied at once. */
  #source: Buffer;
  #runStart = NO_RUN;
  #runEnd = NO_RUN;

  /** @param capacity in bytes, with the blank line */
  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.#source = this.bytes;
  }

  /** @param startLine with its line end; empty for trailers */
  begin(startLine: string): void {
    this.length = 0;
    this.#count = 0;
    this.#runStart = NO_RUN;
    this.#runEnd = NO_RUN;
    this.#write(startLine);
  }

  add(name: string, value: string): void {
    this.#copyRun();
    this.#begins(name.length);
    this.#write(`${name}: ${value}\r\n`);
  }

  /** Field `i` as it came. */
  addField(fields: Fields, i: number): void {
    const { at, bytes } = fields;
    const start = at[i * 4]!;
    this.#begins(at[i * 4 + 1]! - start);
    const end = at[i * 4 + 3]! + END.length;
    if (start !== this.#runEnd) {
      this.#copyRun();
      this.#source = bytes;
      this.#runStart = start;
    }
    this.#runEnd = end;
    this.length += end - start;
  }

  /** Writes the blank line. False: there is no room for it all. */
  end(): boolean {
    this.#copyRun();
    this.#write(END);
    return this.length <= this.bytes.length;
  }

  /** @param lines read from what was written */
  isReadAs(lines: HeaderLines): boolean {
    if (lines.count !== this.#count || lines.end !== this.length - END.length) return false;
    for (let i = 0; i < lines.count; i++) {
      const start = this.#starts[i]!;
      const nameEnd = start + this.#nameLengths[i]!;
      if (lines.lineStart(i) !== start || lines.valueStart(i) !== nameEnd + 2 || !lines.isPlain(i))
        return false;
      if (hasCapital(lines.bytes, lines.base + start, lines.base + nameEnd)) return false;
    }
    return true;
  }

  #begins(nameLength: number): void {
    // Behind the arrays' end nothing is kept: no parser takes that many lines.
    this.#starts[this.#count] = this.length;
    this.#nameLengths[this.#count] = nameLength;
    this.#count += 1;
  }

  #copyRun(): void {
    const size = this.#runEnd - this.#runStart;
    if (size === 0) return;
    const at = this.length - size;
    if (this.length <= this.bytes.length) this.#source.copy(this.bytes, at, this.#runStart, this.#runEnd);
    this.#runStart = NO_RUN;
    this.#runEnd = NO_RUN;
  }

  #write(text: string): void {
    const at = this.length;
    this.length += text.length;
    if (this.length <= this.bytes.length) this.bytes.write(text, at, 'latin1');
  }
}

function hasCapital(bytes: Buffer, start: number, end: number): boolean {
  for (let pos = start; pos < end; pos++) if (bytes[pos]! >= 0x41 && bytes[pos]! <= 0x5a) return true;
  return false;
}
