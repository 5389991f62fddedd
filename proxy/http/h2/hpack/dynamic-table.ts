import { copyBytes } from './copy-bytes.ts';
import type { Entries } from './static-table.ts';

/**
 * What a table may hold, measured as in RFC 7541 section 4.1: the default of SETTINGS_HEADER_TABLE_SIZE. We announce no
 * other, and use no more of what a peer offers: a larger table costs memory on each connection for a few bytes a field.
 */
export const MAX_TABLE_BYTES = 4_096;

/** What an entry counts beyond its name and its value. */
export const ENTRY_OVERHEAD = 32;

/** No more entries fit into it. */
export const TABLE_SLOTS = MAX_TABLE_BYTES / ENTRY_OVERHEAD;

/** Twice the content: an entry is never cut in two, and the room that is left at the end is less than one entry. */
const RING_BYTES = MAX_TABLE_BYTES * 2;

const NO_BYTES = Buffer.alloc(0);
const NO_ENTRIES = new Int32Array(0);

/** A dynamic table (RFC 7541 section 2.3.2). Nothing is allocated for it before its first entry. */
export class DynamicTable implements Entries {
  bytes: Buffer = NO_BYTES;
  at: Int32Array = NO_ENTRIES;
  /** Entries that it has ever had: the number of the newest. */
  newest = 0;
  #count = 0;
  #size = 0;
  #maxBytes = MAX_TABLE_BYTES;
  #writeAt = 0;

  /** The number of the oldest entry that it still has; above `newest` when it has none. */
  get oldest(): number {
    return this.newest - this.#count + 1;
  }

  /** Where in `at` the entry with this number is. */
  slot(number: number): number {
    return (number % TABLE_SLOTS) * 3;
  }

  /** Where in `at` the entry is that was added as the `age`th before the next; -1: it has none. 1 is the newest. */
  find(age: number): number {
    return age <= this.#count ? this.slot(this.newest - age + 1) : -1;
  }

  /** @param maxBytes at most `MAX_TABLE_BYTES` */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  /**
   * Adds the line that starts at `bytes[start]`. One that is too large for the table empties it, and is not in it (RFC
   * 7541 section 4.4). Answers whether it is in.
   */
  insert(bytes: Buffer, start: number, nameLength: number, valueLength: number): boolean {
    const size = nameLength + valueLength + ENTRY_OVERHEAD;
    this.#evict(this.#maxBytes - size);
    if (size > this.#maxBytes) return false;
    if (this.bytes === NO_BYTES) this.#allocate();
    const length = nameLength + valueLength + 4;
    if (this.#count === 0 || this.#writeAt + length > RING_BYTES) this.#writeAt = 0;
    copyBytes(bytes, start, start + length, this.bytes, this.#writeAt);
    this.newest += 1;
    this.#count += 1;
    this.#size += size;
    const slot = this.slot(this.newest);
    this.at[slot] = this.#writeAt;
    this.at[slot + 1] = nameLength;
    this.at[slot + 2] = valueLength;
    this.#writeAt += length;
    return true;
  }

  #evict(maxSize: number): void {
    while (this.#count > 0 && this.#size > maxSize) {
      const slot = this.slot(this.oldest);
      this.#size -= this.at[slot + 1]! + this.at[slot + 2]! + ENTRY_OVERHEAD;
      this.#count -= 1;
    }
  }

  #allocate(): void {
    this.bytes = Buffer.allocUnsafeSlow(RING_BYTES);
    this.at = new Int32Array(TABLE_SLOTS * 3);
  }
}
