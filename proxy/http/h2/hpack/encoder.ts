import { BlockBuffer } from './block-buffer.ts';
import { copyBytes } from './copy-bytes.ts';
import { MAX_TABLE_BYTES } from './dynamic-table.ts';
import { EncoderTable, type FieldBytes, MAX_ENTRY_BYTES } from './encoder-table.ts';
import { hashField, hashName, LOWER } from './field-hash.ts';
import { staticField, staticName } from './static-index.ts';
import { STATIC_ENTRIES, staticIndexOf } from './static-table.ts';

const COLON = 0x3a;
const SP = 0x20;
const TAB = 0x09;
const CR = 0x0d;
const LF = 0x0a;

const STATUS = staticIndexOf(':status');
const PATH = staticIndexOf(':path');
/** By status, the entry that has it. */
const STATUS_ENTRIES: ReadonlyMap<number, number> = new Map(
  [200, 204, 206, 304, 400, 404, 500].map((status, i) => [status, STATUS + i]),
);

/**
 * Never in a table, nor in that of anybody who passes them on (RFC 7541 section 7.1.3): a connection to a backend
 * carries the requests of many clients, and what is in its table can be guessed by who sees the size of what is sent.
 */
const NEVER_INDEXED: ReadonlySet<number> = new Set(
  ['authorization', 'proxy-authorization', 'cookie', 'set-cookie'].map(staticIndexOf),
);

/** Where one worker's encoders write; nothing of it is of use after the next `begin`. */
const block = new BlockBuffer();
/** The field that is being written. */
const field: FieldBytes = {
  bytes: block.bytes,
  nameStart: 0,
  nameEnd: 0,
  valueStart: 0,
  valueEnd: 0,
  hash: 0,
};
/** One entry on its way into a table, as a line. */
const line = Buffer.allocUnsafeSlow(MAX_ENTRY_BYTES);
/** What came as text. */
let text = Buffer.allocUnsafeSlow(16_384);

/**
 * Encodes the field blocks that one peer gets, in the order in which they are sent (RFC 7541). A field goes into the
 * table when the same one comes again: what never repeats (ids, lengths, most paths) drives nothing out of it, whatever
 * its name. Strings are written as they are: Huffman's code costs both ends time for each byte, and
 * makes shorter only what is not in the table.
 */
export class HpackEncoder {
  readonly #table = new EncoderTable();
  #maxTableBytes = MAX_TABLE_BYTES;
  /** The smallest size since the last block; what the peer is told, too. */
  #minTableBytes = MAX_TABLE_BYTES;
  #hasResized = false;

  /** The block, in `bytes[0, length)`, until any encoder begins the next. */
  get bytes(): Buffer {
    return block.bytes;
  }

  get length(): number {
    return block.length;
  }

  /** What the peer has said with SETTINGS_HEADER_TABLE_SIZE. Takes effect with the next block, and is told in it. */
  setMaxTableBytes(offered: number): void {
    const maxBytes = Math.min(offered, MAX_TABLE_BYTES);
    if (maxBytes === this.#maxTableBytes) return;
    this.#minTableBytes = Math.min(this.#hasResized ? this.#minTableBytes : this.#maxTableBytes, maxBytes);
    this.#maxTableBytes = maxBytes;
    this.#hasResized = true;
  }

  begin(): void {
    block.length = 0;
    if (this.#hasResized) this.#resize();
  }

  /** First the smallest size that was in force, then the last (RFC 7541 section 4.2). */
  #resize(): void {
    this.#hasResized = false;
    for (const maxBytes of new Set([this.#minTableBytes, this.#maxTableBytes])) {
      this.#table.resize(maxBytes);
      block.integer(0x20, 0x1f, maxBytes);
    }
  }

  status(code: number): void {
    const entry = STATUS_ENTRIES.get(code);
    if (entry !== undefined) block.integer(0x80, 0x7f, entry);
    else this.field(':status', String(code));
  }

  /** A field of ASCII text. @param name lower case */
  field(name: string, value: string): void {
    const nameEnd = name.length;
    const valueEnd = nameEnd + value.length;
    makeRoom(valueEnd);
    write(name, 0);
    write(value, nameEnd);
    this.line(text, 0, nameEnd, nameEnd, valueEnd);
  }

  /** Complete header lines, latin1, each with its line end; known to be valid. */
  lines(lines: string): void {
    makeRoom(lines.length);
    const end = text.write(lines, 0, 'latin1');
    for (let start = 0; start < end;) {
      const nameEnd = text.indexOf(COLON, start);
      const lineEnd = text.indexOf(LF, nameEnd);
      let valueStart = nameEnd + 1;
      let valueEnd = text[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
      while (isSpace(text[valueStart]!) && valueStart < valueEnd) valueStart += 1;
      while (isSpace(text[valueEnd - 1]!) && valueStart < valueEnd) valueEnd -= 1;
      this.line(text, start, nameEnd, valueStart, valueEnd);
      start = lineEnd + 1;
    }
  }

  /** A field in `bytes`; its name in any case. */
  line(bytes: Buffer, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    block.reserve(nameEnd - nameStart + valueEnd - valueStart);
    const hash = hashName(bytes, nameStart, nameEnd);
    const name = staticName(bytes, nameStart, nameEnd, hash);
    const entry = name === 0 ? 0 : staticField(name, bytes, valueStart, valueEnd);
    if (entry !== 0) {
      block.integer(0x80, 0x7f, entry);
      return;
    }
    field.bytes = bytes;
    field.nameStart = nameStart;
    field.nameEnd = nameEnd;
    field.valueStart = valueStart;
    field.valueEnd = valueEnd;
    if (NEVER_INDEXED.has(name)) writeLiteral(0x10, 0x0f, name);
    // Often it holds what is nobody else's business, and rarely is it the same.
    else if (name === PATH) writeLiteral(0, 0x0f, name);
    else {
      field.hash = hashField(hash, bytes, valueStart, valueEnd);
      this.#writeIndexable(name);
    }
  }

  #writeIndexable(name: number): void {
    const table = this.#table;
    const age = table.find(field);
    if (age !== 0) block.integer(0x80, 0x7f, STATIC_ENTRIES + age);
    else if (table.isWorthAnEntry(field)) {
      writeLiteral(0x40, 0x3f, name);
      writeLine();
      table.insert(line, 0, field);
    } else writeLiteral(0, 0x0f, name);
  }
}

/** A literal representation (RFC 7541 section 6.2). @param name the index of an entry with the field's name; 0: none */
function writeLiteral(bits: number, mask: number, name: number): void {
  block.integer(bits, mask, name);
  if (name === 0) block.name(field.bytes, field.nameStart, field.nameEnd);
  block.value(field.bytes, field.valueStart, field.valueEnd);
}

/** The field as the table has it. */
function writeLine(): void {
  const { bytes, nameStart, nameEnd, valueStart, valueEnd } = field;
  let at = 0;
  for (let pos = nameStart; pos < nameEnd; pos++) line[at++] = LOWER[bytes[pos]!]!;
  line[at++] = COLON;
  line[at++] = SP;
  at = copyBytes(bytes, valueStart, valueEnd, line, at);
  line[at++] = CR;
  line[at] = LF;
}

function makeRoom(length: number): void {
  if (length > text.length) text = Buffer.allocUnsafeSlow(length * 2);
}

function write(ascii: string, at: number): void {
  for (let i = 0; i < ascii.length; i++) text[at + i] = ascii.charCodeAt(i);
}

function isSpace(byte: number): boolean {
  return byte === SP || byte === TAB;
}
