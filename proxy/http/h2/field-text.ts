import type { HeaderLines } from '../h1/header-lines.ts';
import { MAX_HEADERS } from '../h1/limits.ts';

/**
 * The fields of an HTTP/2 message written as the head of an HTTP/1.1 message, for the parser that reads those
 * strictly. A field must not become two on the way, or another one: `isReadAs` says whether the lines that were read
 * are the very fields that were written. That holds whatever the HTTP/2 library let through: a line end, a colon in a
 * name, white space around a value, a capital (RFC 9113 section 8.2.1).
 *
 * Reused from message to message.
 */
export class FieldText {
  /** What was written so far, latin1. */
  text = '';
  #count = 0;
  readonly #starts = new Int32Array(MAX_HEADERS + 1);
  readonly #nameLengths = new Int32Array(MAX_HEADERS + 1);

  /** @param startLine with its line end; empty for trailers */
  begin(startLine: string): void {
    this.text = startLine;
    this.#count = 0;
  }

  add(name: string, value: string): void {
    // Behind the arrays' end nothing is kept: no parser takes that many lines.
    this.#starts[this.#count] = this.text.length;
    this.#nameLengths[this.#count] = name.length;
    this.#count += 1;
    this.text += `${name}: ${value}\r\n`;
  }

  /** @param lines read from `text` and a blank line */
  isReadAs(lines: HeaderLines): boolean {
    if (lines.count !== this.#count || lines.end !== this.text.length) return false;
    for (let i = 0; i < lines.count; i++) {
      const start = this.#starts[i]!;
      const nameEnd = start + this.#nameLengths[i]!;
      if (lines.lineStart(i) !== start || lines.valueStart(i) !== nameEnd + 2 || !lines.isPlain(i))
        return false;
      if (hasCapital(lines.bytes, lines.base + start, lines.base + nameEnd)) return false;
    }
    return true;
  }
}

function hasCapital(bytes: Buffer, start: number, end: number): boolean {
  for (let pos = start; pos < end; pos++) if (bytes[pos]! >= 0x41 && bytes[pos]! <= 0x5a) return true;
  return false;
}
