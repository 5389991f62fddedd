/**
 * The lengths of the codes of RFC 7541 appendix B, in bits, by symbol; 256 is EOS. The code is canonical: codes of one
 * length follow each other in the order of their symbols, and behind those that are shorter.
 */
// prettier-ignore
const CODE_LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

const EOS = 256;
const MIN_CODE_LENGTH = 5;
const MAX_CODE_LENGTH = 30;
/** Of the ones that fill the last byte. */
const MAX_PADDING = 7;

/** A decoded string is at most this much longer than its code. */
export const MAX_EXPANSION = 8 / MIN_CODE_LENGTH;

/** In a step: a symbol is complete; and this must not be. */
const EMITS = 0x1_0000;
const FAILS = 0x2_0000;

/**
 * What four bits lead to from each place in the tree of codes, which has 256 inner nodes: the next node, the symbol in
 * bits 8 to 15, flags. No code is shorter than five bits, so that a step completes one symbol at most.
 */
const STEPS = new Uint32Array(256 * 16);
/** By node: may a string end there? At the root, or after ones that are no whole code. */
const IS_END = new Uint8Array(256);

build();

function build(): void {
  /** Two for each node: a node, or ~symbol. */
  const children: number[] = [0, 0];
  let code = 0;
  for (let length = 1; length <= MAX_CODE_LENGTH; length++) {
    code *= 2;
    for (const [symbol, symbolLength] of CODE_LENGTHS.entries()) {
      if (symbolLength === length) addCode(children, code++, length, symbol);
    }
  }
  for (let node = 0; node < 256; node++) {
    for (let bits = 0; bits < 16; bits++) STEPS[node * 16 + bits] = step(children, node, bits);
  }
  for (let ones = 0, node = 0; ones <= MAX_PADDING; ones++, node = children[node * 2 + 1]!) IS_END[node] = 1;
}

function addCode(children: number[], code: number, length: number, symbol: number): void {
  let node = 0;
  for (let i = length - 1; i > 0; i--) {
    const at = node * 2 + ((code >>> i) & 1);
    if (children[at] === 0) {
      children[at] = children.length / 2;
      children.push(0, 0);
    }
    node = children[at]!;
  }
  children[node * 2 + (code & 1)] = ~symbol;
}

function step(children: readonly number[], node: number, bits: number): number {
  let emitted = 0;
  for (let i = 3; i >= 0; i--) {
    const next = children[node * 2 + ((bits >>> i) & 1)]!;
    if (next === ~EOS) return FAILS;
    if (next < 0) emitted = EMITS | (~next << 8);
    node = next < 0 ? 0 : next;
  }
  return emitted | node;
}

/**
 * Decodes `from[start, end)` to `to[at, ..)`, which has room for `MAX_EXPANSION` times as much. Answers the position
 * behind it; -1: it is not a string (RFC 7541 section 5.2): EOS in it, or padding that is not of ones, or too long.
 */
export function decodeHuffman(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  let node = 0;
  for (let pos = start; pos < end; pos++) {
    const byte = from[pos]!;
    const first = STEPS[node * 16 + (byte >>> 4)]!;
    if (first >= EMITS) {
      if (first >= FAILS) return -1;
      to[at++] = first >>> 8;
    }
    const second = STEPS[(first & 0xff) * 16 + (byte & 0xf)]!;
    if (second >= EMITS) {
      if (second >= FAILS) return -1;
      to[at++] = second >>> 8;
    }
    node = second & 0xff;
  }
  return IS_END[node] === 1 ? at : -1;
}
