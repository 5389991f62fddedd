import type { FrameHead } from './frame-reader.ts';
import { Flag, Http2Code, PRIORITY_BYTES } from './protocol.ts';

/** More than any peer needs, of 16 KiB each (E03). */
const MAX_CONTINUATIONS = 16;

const NOTHING = Buffer.alloc(0);

/**
 * A header block (RFC 9113 section 4.3), `bytes[start, end)`. What comes in one frame stays where it was read; what
 * comes in several is put together, and nothing else may come in between.
 */
export class HeaderBlock {
  readonly #maxBytes: number;
  /** The stream whose block has not ended; 0: none. */
  stream = 0;
  /** The stream ends with it. */
  isLast = false;
  bytes: Buffer = NOTHING;
  start = 0;
  end = 0;
  #continuations = 0;

  /** @param maxBytes of a block, packed as it comes */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Begins with the payload of HEADERS. Answers what is wrong with it, or NoError. */
  open(head: FrameHead, bytes: Buffer, start: number, end: number): number {
    let from = start;
    let to = end;
    if (head.has(Flag.Padded)) {
      if (from === to) return Http2Code.FrameSizeError;
      to -= bytes[from]!;
      from += 1;
    }
    if (head.has(Flag.Priority)) from += PRIORITY_BYTES;
    if (from > to) return Http2Code.ProtocolError;
    this.isLast = head.has(Flag.EndStream);
    this.bytes = bytes;
    this.start = from;
    this.end = to;
    if (!head.has(Flag.EndHeaders)) {
      this.stream = head.stream;
      this.#continuations = 0;
      this.bytes = Buffer.from(bytes.subarray(from, to));
      this.start = 0;
      this.end = to - from;
    }
    return Http2Code.NoError;
  }

  /** Adds a CONTINUATION. False: that is too much. */
  continue(bytes: Buffer, start: number, end: number): boolean {
    this.#continuations += 1;
    if (this.#continuations > MAX_CONTINUATIONS || this.end + end - start > this.#maxBytes) return false;
    this.bytes = Buffer.concat([this.bytes, bytes.subarray(start, end)]);
    this.end = this.bytes.length;
    return true;
  }

  /** The next one may begin. */
  close(): void {
    this.stream = 0;
    this.bytes = NOTHING;
  }
}
