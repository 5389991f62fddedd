import { copyBytes } from './copy-bytes.ts';
import { LOWER } from './field-hash.ts';

/** The longest integer, twice, and some. */
const INTEGERS_BYTES = 16;

/** Where field blocks are written. One is enough for all encoders of a thread: a block is copied before the next begins. */
export class BlockBuffer {
  /** Another one when a block needs more room. */
  bytes: Buffer = Buffer.allocUnsafeSlow(16_384);
  length = 0;

  /** Makes room for one field. @param size of its name and its value */
  reserve(size: number): void {
    const needed = this.length + size + INTEGERS_BYTES;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(needed * 2);
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  /** An integer in the bits of `mask`, with `bits` before it (RFC 7541 section 5.1). */
  integer(bits: number, mask: number, value: number): void {
    const { bytes } = this;
    if (value < mask) {
      bytes[this.length++] = bits | value;
      return;
    }
    bytes[this.length++] = bits | mask;
    value -= mask;
    for (; value >= 0x80; value >>>= 7) bytes[this.length++] = 0x80 | (value & 0x7f);
    bytes[this.length++] = value;
  }

  /** A name as a string literal, in lower case. */
  name(bytes: Buffer, start: number, end: number): void {
    this.integer(0, 0x7f, end - start);
    const { bytes: to } = this;
    let at = this.length;
    for (let pos = start; pos < end; pos++) to[at++] = LOWER[bytes[pos]!]!;
    this.length = at;
  }

  /** A value as a string literal. */
  value(bytes: Buffer, start: number, end: number): void {
    this.integer(0, 0x7f, end - start);
    this.length = copyBytes(bytes, start, end, this.bytes, this.length);
  }
}
