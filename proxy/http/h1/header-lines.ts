import { CLASS, COLON, CR, FIELD, LF, NAME, SP, TAB, TOKEN } from './byte-class.ts';
import { INCOMPLETE, REFUSED, type Fault } from './fault.ts';
import { HeaderId, headerIdOf } from './header-id.ts';
import { latin1 } from './latin1.ts';
import { MAX_HEADERS, MAX_HEADER_NAME_BYTES } from './limits.ts';

/** What becomes of a line when the message is sent on. */
export const Fate = {
  /** Copied as it came. */
  Copied: 0,
  /** Not copied: the proxy writes its own. What came can be looked up. */
  Rewritten: 1,
  /** Not copied, and not seen by anyone. */
  Hidden: 2,
} as const;

const EMPTY = Buffer.alloc(0);

/**
 * The header section of one message as a table of offsets into the bytes it was read from. It is reused: the
 * contents hold until the next `parse`, and no longer than the bytes stay as they are; `keep` makes a lasting copy.
 */
export class HeaderLines {
  bytes: Buffer = EMPTY;
  /** Where the message starts in `bytes`; the offsets of the table count from here. */
  base = 0;
  count = 0;
  /** Offset of the blank line. */
  end = 0;
  fault: Fault = 'name_invalid';
  /** `HeaderId` of each line. */
  readonly ids: Uint8Array;
  /** `Fate` of each line. */
  readonly fates: Uint8Array;
  /** Start and end of the name, start and end of the value, for each line; the value without white space around it. */
  readonly #at: Int32Array;

  constructor(capacity = MAX_HEADERS) {
    this.ids = new Uint8Array(capacity);
    this.fates = new Uint8Array(capacity);
    this.#at = new Int32Array(capacity * 4);
  }

  /**
   * Reads lines from `pos` to the blank line. Answers the position behind it, `INCOMPLETE` when `end` comes first,
   * or `REFUSED` and sets `fault`. Lines whose names hold an underscore are hidden: backends that turn `-` into `_`
   * cannot tell them from the real ones.
   */
  parse(bytes: Buffer, base: number, pos: number, end: number): number {
    const at = this.#at;
    const capacity = this.ids.length;
    this.bytes = bytes;
    this.base = base;
    let count = 0;
    for (;;) {
      if (pos >= end) return INCOMPLETE;
      const nameStart = pos;
      while (pos < end && (CLASS[bytes[pos]!]! & NAME) !== 0) pos++;
      const plainEnd = pos;
      while (pos < end && (CLASS[bytes[pos]!]! & TOKEN) !== 0) pos++;
      if (pos === nameStart) {
        if (bytes[pos] !== CR) return this.#refuseName(bytes[pos]!);
        if (pos + 1 >= end) return INCOMPLETE;
        if (bytes[pos + 1] !== LF) return this.#refuse('bare_cr');
        this.count = count;
        this.end = pos - base;
        return pos + 2;
      }
      if (pos - nameStart > MAX_HEADER_NAME_BYTES) return this.#refuse('name_too_long');
      if (pos >= end) return INCOMPLETE;
      if (bytes[pos] !== COLON) return this.#refuseName(bytes[pos]!);
      const nameEnd = pos++;
      while (pos < end && (bytes[pos] === SP || bytes[pos] === TAB)) pos++;
      const valueStart = pos;
      while (pos < end && (CLASS[bytes[pos]!]! & FIELD) !== 0) pos++;
      if (pos >= end) return INCOMPLETE;
      if (bytes[pos] !== CR) return this.#refuse(bytes[pos] === LF ? 'bare_lf' : 'value_invalid');
      if (pos + 1 >= end) return INCOMPLETE;
      if (bytes[pos + 1] !== LF) return this.#refuse('bare_cr');
      let valueEnd = pos;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === TAB)) valueEnd--;
      if (count === capacity) return this.#refuse('too_many_headers');
      at[count * 4] = nameStart - base;
      at[count * 4 + 1] = nameEnd - base;
      at[count * 4 + 2] = valueStart - base;
      at[count * 4 + 3] = valueEnd - base;
      this.ids[count] = headerIdOf(bytes, nameStart, nameEnd);
      this.fates[count] = plainEnd === nameEnd ? Fate.Copied : Fate.Hidden;
      count += 1;
      pos += 2;
    }
  }

  #refuse(fault: Fault): number {
    this.fault = fault;
    return REFUSED;
  }

  #refuseName(byte: number): number {
    if (byte === LF) return this.#refuse('bare_lf');
    return this.#refuse(byte === SP || byte === TAB ? 'line_folding' : 'name_invalid');
  }

  /** Lower-case name of line `i`. */
  name(i: number): string {
    return this.text(this.#at[i * 4]!, this.#at[i * 4 + 1]!).toLowerCase();
  }

  value(i: number): string {
    return this.text(this.#at[i * 4 + 2]!, this.#at[i * 4 + 3]!);
  }

  /** Offset where line `i` starts; for `i` = `count`, where the blank line does. */
  lineStart(i: number): number {
    return i === this.count ? this.end : this.#at[i * 4]!;
  }

  nameEnd(i: number): number {
    return this.#at[i * 4 + 1]!;
  }

  valueStart(i: number): number {
    return this.#at[i * 4 + 2]!;
  }

  valueEnd(i: number): number {
    return this.#at[i * 4 + 3]!;
  }

  /** Is it written `Name: value` with one space before the value and nothing behind it? */
  isPlain(i: number): boolean {
    const nameEnd = this.#at[i * 4 + 1]!;
    return this.valueStart(i) - nameEnd === 2 && this.lineStart(i + 1) - this.valueEnd(i) === 2;
  }

  hasName(i: number, name: string): boolean {
    const start = this.#at[i * 4]!;
    if (this.#at[i * 4 + 1]! - start !== name.length) return false;
    const { bytes, base } = this;
    for (let k = 0; k < name.length; k++) {
      const byte = bytes[base + start + k]!;
      const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
      if (lower !== name.charCodeAt(k)) return false;
    }
    return true;
  }

  /**
   * Shows the lines that are hidden for an underscore in their name: gRPC's metadata may have it. Those that somebody
   * could take for a header which means something to the proxy stay hidden. Answers whether there are any.
   */
  showUnderscores(): boolean {
    let found = false;
    for (let i = 0; i < this.count; i++) {
      if (this.fates[i] !== Fate.Hidden || this.ids[i] !== HeaderId.Other) continue;
      const name = Buffer.from(this.name(i).replaceAll('_', '-'), 'latin1');
      if (headerIdOf(name, 0, name.length) !== HeaderId.Other) continue;
      this.fates[i] = Fate.Copied;
      found = true;
    }
    return found;
  }

  /** Shows the lines of this id. */
  show(id: HeaderId): void {
    for (let i = 0; i < this.count; i++) if (this.ids[i] === id) this.fates[i] = Fate.Copied;
  }

  /** Is the name of line `i` one of these, which are lower case? */
  isNamed(i: number, names: ReadonlySet<string>): boolean {
    for (const name of names) if (this.hasName(i, name)) return true;
    return false;
  }

  /** Is the value this text, in any case? `text` is lower case and has without letters above 0x7f. */
  valueIs(i: number, text: string): boolean {
    const start = this.#at[i * 4 + 2]!;
    if (this.#at[i * 4 + 3]! - start !== text.length) return false;
    const { bytes, base } = this;
    for (let k = 0; k < text.length; k++) {
      const byte = bytes[base + start + k]!;
      const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
      if (lower !== text.charCodeAt(k)) return false;
    }
    return true;
  }

  /** Value of a header by lower-case name; several are joined by `, `, those of Cookie by `; `. */
  get(name: string): string | undefined {
    let found: string | undefined;
    for (let i = 0; i < this.count; i++) {
      if (this.fates[i] === Fate.Hidden || !this.hasName(i, name)) continue;
      const value = this.value(i);
      if (found === undefined) found = value;
      else found += (this.ids[i] === HeaderId.Cookie ? '; ' : ', ') + value;
    }
    return found;
  }

  /** The bytes between two offsets, as latin1. */
  text(start: number, end: number): string {
    return latin1(this.bytes, this.base + start, this.base + end);
  }

  /** A copy with bytes of its own, which lasts. */
  keep(): HeaderLines {
    const copy = new HeaderLines(this.count);
    copy.bytes = Buffer.from(this.bytes.subarray(this.base, this.base + this.end + 2));
    copy.count = this.count;
    copy.end = this.end;
    copy.ids.set(this.ids.subarray(0, this.count));
    copy.fates.set(this.fates.subarray(0, this.count));
    copy.#at.set(this.#at.subarray(0, this.count * 4));
    return copy;
  }
}
