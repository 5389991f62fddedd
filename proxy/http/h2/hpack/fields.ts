import { latin1 } from '../../h1/latin1.ts';
import { copyBytes } from './copy-bytes.ts';
import { ENTRY_OVERHEAD, MAX_TABLE_BYTES } from './dynamic-table.ts';
import { MAX_EXPANSION } from './huffman.ts';
import type { Entries } from './static-table.ts';

/** What one field section may be. */
export interface FieldLimits {
  /** Names, values and 32 for each field (RFC 9113 section 6.5.2). */
  readonly maxBytes: number;
  readonly maxFields: number;
}

/**
 * A decoded field section, as lines `name: value` with their line ends, one after the other, as the head of an
 * HTTP/1.1 message has them. They are what the peer said, and not checked: a value may hold a line end.
 * One for a worker; what it says holds until the next `decode`.
 */
export class Fields {
  /** Another one where a section needs more room. */
  bytes: Buffer = Buffer.allocUnsafeSlow(65_536);
  /** Behind the last line. */
  end = 0;
  count = 0;
  /** Four for each field, positions in `bytes`: start and end of the name, start and end of the value. */
  at: Int32Array = new Int32Array(512);
  /** More came than the limits allow, and was not kept. */
  isTooLarge = false;
  #size = 0;
  #maxBytes = 0;
  #maxFields = 0;

  /** @param blockLength of what will be decoded */
  begin({ maxBytes, maxFields }: FieldLimits, blockLength: number): void {
    this.end = 0;
    this.count = 0;
    this.isTooLarge = false;
    this.#size = 0;
    this.#maxBytes = maxBytes;
    this.#maxFields = maxFields;
    // What is kept; then one line that is written before it is known whether it will be.
    const line = MAX_TABLE_BYTES + Math.ceil(blockLength * MAX_EXPANSION) + 4;
    const needed = maxBytes + line;
    if (this.bytes.length < needed) this.bytes = Buffer.allocUnsafeSlow(needed);
    if (this.at.length < maxFields * 4) this.at = new Int32Array(maxFields * 4);
  }

  /** Adds a copy of the entry at `slot`. */
  addEntry({ bytes, at }: Entries, slot: number): void {
    const start = at[slot]!;
    const nameLength = at[slot + 1]!;
    const valueLength = at[slot + 2]!;
    const { end } = this;
    if (!this.take(nameLength, valueLength)) return;
    copyBytes(bytes, start, start + nameLength + valueLength + 4, this.bytes, end);
  }

  /** Takes the line of these lengths that is, or will be, at `end`. Answers whether it is kept. */
  take(nameLength: number, valueLength: number): boolean {
    this.#size += nameLength + valueLength + ENTRY_OVERHEAD;
    if (this.isTooLarge || this.#size > this.#maxBytes || this.count === this.#maxFields) {
      this.isTooLarge = true;
      return false;
    }
    const i = this.count * 4;
    const nameEnd = this.end + nameLength;
    const valueEnd = nameEnd + 2 + valueLength;
    this.at[i] = this.end;
    this.at[i + 1] = nameEnd;
    this.at[i + 2] = nameEnd + 2;
    this.at[i + 3] = valueEnd;
    this.count += 1;
    this.end = valueEnd + 2;
    return true;
  }

  name(i: number): string {
    return latin1(this.bytes, this.at[i * 4]!, this.at[i * 4 + 1]!);
  }

  value(i: number): string {
    return latin1(this.bytes, this.at[i * 4 + 2]!, this.at[i * 4 + 3]!);
  }

  nameIs(i: number, name: string): boolean {
    const start = this.at[i * 4]!;
    if (this.at[i * 4 + 1]! - start !== name.length) return false;
    for (let k = 0; k < name.length; k++) if (this.bytes[start + k] !== name.charCodeAt(k)) return false;
    return true;
  }
}
