import { LF } from './byte-class.ts';
import { type Fault, INCOMPLETE, REFUSED } from './fault.ts';
import { HeaderId } from './header-id.ts';
import { Fate, HeaderLines } from './header-lines.ts';
import { MAX_TRAILER_BYTES } from './limits.ts';

/**
 * Fields that may not come late (RFC 9110 section 6.5.1), beside those that mean something to the proxy: they are
 * about routing, credentials, conditions, caching or the content's form, which were decided on with the head.
 */
const REFUSED_NAME =
  /^(?:proxy-.*|if-.*|x-forwarded-.*|content-(?:encoding|type|range|location|language|disposition)|accept.*|age|allow|cache-control|expires|location|max-forwards|pragma|range|retry-after|vary|warning|www-authenticate)$/;

/** Collects the trailer section of one chunked body and keeps what may be passed on. */
export class TrailerReader {
  /** When complete: the lines that may be passed on, each with its line end. */
  text = '';
  /** Is the section complete? */
  done = false;
  fault: Fault = 'trailer_invalid';
  readonly #held = Buffer.allocUnsafe(MAX_TRAILER_BYTES);
  #length = 0;

  /** Answers how many of the bytes belong to the section, or `REFUSED` and sets `fault`. */
  read(bytes: Buffer, start: number, end: number): number {
    const before = this.#length;
    this.#length += bytes.copy(this.#held, before, start, end);
    const isFull = this.#length === MAX_TRAILER_BYTES;
    if (!isFull && !this.#held.subarray(before, this.#length).includes(LF)) return end - start;
    const lines = new HeaderLines();
    const after = lines.parse(this.#held, 0, 0, this.#length);
    if (after === REFUSED || (after === INCOMPLETE && isFull)) {
      this.fault =
        after === INCOMPLETE || lines.fault === 'too_many_headers' ? 'trailer_too_large' : 'trailer_invalid';
      return REFUSED;
    }
    if (after === INCOMPLETE) return end - start;
    this.text = passedOn(lines);
    this.done = true;
    return after - before;
  }
}

/** The lines of a trailer section that may be passed on, each with its line end. */
export function passedOn(lines: HeaderLines): string {
  let text = '';
  for (let i = 0; i < lines.count; i++) {
    if (lines.ids[i] !== HeaderId.Other || lines.fates[i] !== Fate.Copied) continue;
    if (!REFUSED_NAME.test(lines.name(i))) text += lines.text(lines.lineStart(i), lines.lineStart(i + 1));
  }
  return text;
}
