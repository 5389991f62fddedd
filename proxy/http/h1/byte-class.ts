/** What a byte may be part of, as bits in one table: RFC 9110 section 5.6.2 (token), 5.5 (field value), RFC 3986. */
export const TOKEN = 1;
/** Visible characters, space, tab and 0x80-0xff: what a field value may hold. */
export const FIELD = 2;
/** A path as a client may send it: visible ASCII without `" # < > ? \`, which no browser sends either. */
export const PATH = 4;
/** As `PATH`, and `?`. */
export const QUERY = 8;
export const SLASH_OR_DOT = 16;
export const PERCENT = 32;
/** As `TOKEN`, without the underscore. */
export const NAME = 64;

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;
export const SLASH = 0x2f;

export const CLASS: Uint8Array = buildTable();

function buildTable(): Uint8Array {
  const table = new Uint8Array(256);
  const mark = (bit: number, bytes: Iterable<number>) => {
    for (const byte of bytes) table[byte]! |= bit;
  };
  const visible = Array.from({ length: 0x7f - 0x21 }, (_, i) => i + 0x21);
  const not = (excluded: string) => visible.filter((byte) => !excluded.includes(String.fromCharCode(byte)));
  mark(TOKEN, not('"(),/:;<=>?@[\\]{}'));
  mark(FIELD, [TAB, SP, ...visible, ...Array.from({ length: 128 }, (_, i) => i + 128)]);
  mark(PATH, not('"#<>?\\'));
  mark(QUERY, not('"#<>\\'));
  mark(SLASH_OR_DOT, Buffer.from('/.'));
  mark(PERCENT, Buffer.from('%'));
  mark(NAME, not('"(),/:;<=>?@[\\]{}_'));
  return table;
}
