import { DynamicTable, ENTRY_OVERHEAD, MAX_TABLE_BYTES, TABLE_SLOTS } from './dynamic-table.ts';
import { isSameName, isSameValue } from './field-hash.ts';

const NO_HASHES = new Int32Array(0);
const NO_NUMBERS = new Float64Array(0);

/** A larger one would drive out too much else. */
export const MAX_ENTRY_BYTES = MAX_TABLE_BYTES / 4;

/** Fields that are remembered as seen, whether they are in the table or not. */
const SEEN = 128;

/** The name and value of a field in some bytes, and their hash. */
export interface FieldBytes {
  bytes: Buffer;
  nameStart: number;
  nameEnd: number;
  valueStart: number;
  valueEnd: number;
  hash: number;
}

/** The table of an encoder: finds the entry of a field, and knows which ones are worth an entry. */
export class EncoderTable {
  readonly #entries = new DynamicTable();
  /** By entry, its hash. */
  #hashes = NO_HASHES;
  /** By hash, the number of the newest entry, and by entry that of the next older one. Past 2^31: no integers. */
  #newest = NO_NUMBERS;
  #older = NO_NUMBERS;
  /** By hash, the last one that came. */
  #seen = NO_HASHES;
  #maxEntryBytes = MAX_ENTRY_BYTES;

  /** How many entries ago this field was added, 1 for the newest; 0: it is not in the table. */
  find(field: FieldBytes): number {
    const { newest, oldest } = this.#entries;
    if (oldest > newest) return 0;
    const { hash } = field;
    // Those that are gone were older than those that are there: their chain ends here.
    for (let number = this.#newest[hash & (TABLE_SLOTS - 1)]!; number >= oldest;) {
      const i = number % TABLE_SLOTS;
      if (this.#hashes[i] === hash && this.#holds(number, field)) return newest - number + 1;
      number = this.#older[i]!;
    }
    return 0;
  }

  #holds(number: number, { bytes, nameStart, nameEnd, valueStart, valueEnd }: FieldBytes): boolean {
    const { bytes: known, at } = this.#entries;
    const slot = this.#entries.slot(number);
    const start = at[slot]!;
    const nameLength = at[slot + 1]!;
    if (nameLength !== nameEnd - nameStart || at[slot + 2] !== valueEnd - valueStart) return false;
    if (!isSameName(bytes, nameStart, nameEnd, known, start)) return false;
    return isSameValue(bytes, valueStart, valueEnd, known, start + nameLength + 2);
  }

  /** Did the same field come not long ago, in whichever message? Then it will come again. */
  isWorthAnEntry({ nameStart, nameEnd, valueStart, valueEnd, hash }: FieldBytes): boolean {
    const size = nameEnd - nameStart + valueEnd - valueStart + ENTRY_OVERHEAD;
    if (size > this.#maxEntryBytes) return false;
    if (this.#seen === NO_HASHES) this.#seen = new Int32Array(SEEN);
    const i = hash & (SEEN - 1);
    if (this.#seen[i] === hash) return true;
    this.#seen[i] = hash;
    return false;
  }

  /** Adds the line that starts at `bytes[start]`. */
  insert(bytes: Buffer, start: number, { nameStart, nameEnd, valueStart, valueEnd, hash }: FieldBytes): void {
    const entries = this.#entries;
    if (!entries.insert(bytes, start, nameEnd - nameStart, valueEnd - valueStart)) return;
    if (this.#hashes === NO_HASHES) this.#allocate();
    const i = entries.newest % TABLE_SLOTS;
    this.#hashes[i] = hash;
    this.#older[i] = this.#newest[hash & (TABLE_SLOTS - 1)]!;
    this.#newest[hash & (TABLE_SLOTS - 1)] = entries.newest;
  }

  resize(maxBytes: number): void {
    this.#entries.resize(maxBytes);
    this.#maxEntryBytes = Math.min(maxBytes, MAX_ENTRY_BYTES);
  }

  #allocate(): void {
    this.#hashes = new Int32Array(TABLE_SLOTS);
    this.#newest = new Float64Array(TABLE_SLOTS);
    this.#older = new Float64Array(TABLE_SLOTS);
  }
}
