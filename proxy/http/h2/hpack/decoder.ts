import { copyBytes } from './copy-bytes.ts';
import { DynamicTable, MAX_TABLE_BYTES } from './dynamic-table.ts';
import type { FieldLimits, Fields } from './fields.ts';
import { decodeHuffman } from './huffman.ts';
import { type Entries, STATIC, STATIC_ENTRIES } from './static-table.ts';

/** First bits of a field's representation (RFC 7541 section 6), and the mask of the integer behind them. */
const INDEXED = 0x80;
const INDEXED_MASK = 0x7f;
const INSERTED = 0x40;
const INSERTED_MASK = 0x3f;
const SIZE_UPDATE = 0x20;
const SIZE_UPDATE_MASK = 0x1f;
const LITERAL_MASK = 0x0f;

const IS_HUFFMAN = 0x80;
const LENGTH_MASK = 0x7f;

/** Bits of an integer behind its first byte. Far more than any length or index that is of use. */
const MAX_INTEGER_BITS = 28;

const EMPTY = Buffer.alloc(0);

/**
 * Decodes the field blocks of one peer's messages, in the order in which they came (RFC 7541). Strict: whatever is no
 * field block ends the connection, since nobody knows then what the table holds.
 */
export class HpackDecoder {
  readonly #limits: FieldLimits;
  readonly #table = new DynamicTable();
  #block: Buffer = EMPTY;
  #pos = 0;
  #end = 0;

  constructor(limits: FieldLimits) {
    this.#limits = limits;
  }

  /** Decodes the block in `block[start, end)` to `fields`, all of it also when they get too large. False: COMPRESSION_ERROR. */
  decode(block: Buffer, start: number, end: number, fields: Fields): boolean {
    fields.begin(this.#limits, end - start);
    this.#block = block;
    this.#pos = start;
    this.#end = end;
    const isWhole = this.#resizeTable() && this.#readFields(fields);
    // It may be of a size that is not worth keeping.
    this.#block = EMPTY;
    return isWhole;
  }

  /** Table size updates, which come before the first field only (RFC 7541 section 4.2). */
  #resizeTable(): boolean {
    while (this.#pos < this.#end && (this.#block[this.#pos]! & 0xe0) === SIZE_UPDATE) {
      const maxBytes = this.#integer(SIZE_UPDATE_MASK);
      if (maxBytes < 0 || maxBytes > MAX_TABLE_BYTES) return false;
      this.#table.resize(maxBytes);
    }
    return true;
  }

  #readFields(fields: Fields): boolean {
    while (this.#pos < this.#end) {
      const byte = this.#block[this.#pos]!;
      let isField: boolean;
      if (byte >= INDEXED) isField = this.#readIndexed(fields);
      else if (byte >= INSERTED) isField = this.#readLiteral(fields, INSERTED_MASK);
      else isField = byte < SIZE_UPDATE && this.#readLiteral(fields, LITERAL_MASK);
      if (!isField) return false;
    }
    return true;
  }

  #readIndexed(fields: Fields): boolean {
    const index = this.#integer(INDEXED_MASK);
    const entries = this.#entries(index);
    const slot = this.#slot(index);
    if (slot < 0) return false;
    fields.addEntry(entries, slot);
    return true;
  }

  /** A field with a value of its own; with `INSERTED_MASK` it goes into the table. */
  #readLiteral(fields: Fields, mask: number): boolean {
    const index = this.#integer(mask);
    if (index < 0) return false;
    const { bytes, end: nameStart } = fields;
    const nameEnd = index === 0 ? this.#string(bytes, nameStart) : this.#copyName(index, bytes, nameStart);
    if (nameEnd < 0) return false;
    bytes[nameEnd] = 0x3a;
    bytes[nameEnd + 1] = 0x20;
    const valueEnd = this.#string(bytes, nameEnd + 2);
    if (valueEnd < 0) return false;
    bytes[valueEnd] = 0x0d;
    bytes[valueEnd + 1] = 0x0a;
    const nameLength = nameEnd - nameStart;
    const valueLength = valueEnd - nameEnd - 2;
    if (mask === INSERTED_MASK) this.#table.insert(bytes, nameStart, nameLength, valueLength);
    fields.take(nameLength, valueLength);
    return true;
  }

  #entries(index: number): Entries {
    return index <= STATIC_ENTRIES ? STATIC : this.#table;
  }

  /** Where the entry with this index is in its table; -1: there is none. */
  #slot(index: number): number {
    if (index > STATIC_ENTRIES) return this.#table.find(index - STATIC_ENTRIES);
    return index > 0 ? index * 3 : -1;
  }

  #copyName(index: number, to: Buffer, at: number): number {
    const slot = this.#slot(index);
    if (slot < 0) return -1;
    const entries = this.#entries(index);
    const start = entries.at[slot]!;
    return copyBytes(entries.bytes, start, start + entries.at[slot + 1]!, to, at);
  }

  /** Decodes a string literal to `to[at, ..)`. Answers the position behind it; -1: it is none. */
  #string(to: Buffer, at: number): number {
    if (this.#pos >= this.#end) return -1;
    const isHuffman = this.#block[this.#pos]! >= IS_HUFFMAN;
    const length = this.#integer(LENGTH_MASK);
    const start = this.#pos;
    if (length < 0 || length > this.#end - start) return -1;
    this.#pos = start + length;
    const decode = isHuffman ? decodeHuffman : copyBytes;
    return decode(this.#block, start, start + length, to, at);
  }

  /** The integer that starts in the bits of `mask` (RFC 7541 section 5.1); -1: it has no end, or is too large. */
  #integer(mask: number): number {
    let value = this.#block[this.#pos++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; shift < MAX_INTEGER_BITS && this.#pos < this.#end; shift += 7) {
      const byte = this.#block[this.#pos++]!;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return -1;
  }
}
