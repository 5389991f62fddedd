import { CLASS, CR, FIELD, LF, TOKEN } from './byte-class.ts';
import { type Fault, REFUSED } from './fault.ts';
import { MAX_CHUNK_EXTENSION_BYTES } from './limits.ts';
import { TrailerReader } from './trailers.ts';

/** What the ranges of a decoder cover: the framing too, made canonical, or the content alone. */
export type ChunkedOutput = 'framed' | 'content';

const State = {
  SizeStart: 0,
  Size: 1,
  SizeLf: 2,
  Content: 3,
  ContentCr: 4,
  ContentLf: 5,
  Trailers: 6,
  LastLf: 7,
  Done: 8,
  NameStart: 9,
  Name: 10,
  ValueStart: 11,
  Value: 12,
  QuotedText: 13,
  QuotedPair: 14,
  QuotedEnd: 15,
} as const;

/** 13 hexadecimal digits are 4 petabytes, and exact in a double. */
const MAX_SIZE_DIGITS = 13;
/** Ranges of one call; many small chunks with extensions take several calls. */
const MAX_RANGES = 256;
/** One chunk adds at most: line end of the one before, digits, line end, content. */
const RANGES_PER_CHUNK = 4;

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NOT_HEX = 255;
const HEX: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(value) ? NOT_HEX : value;
});

/**
 * Reads one chunked body (RFC 9112 section 7.1) piece by piece, strictly, and says which bytes may be passed on.
 *
 * After each `decode`, the output is `before`, the `rangeCount` ranges of the input, and `after`. Framed output has the
 * chunks that came, without extensions and leading zeros, and with the trailers that may be passed on; a size line
 * is never put out before it is complete. A body that is canonical already, in one piece, is one range.
 */
export class ChunkedDecoder {
  /** Start and end in the input, `rangeCount` pairs of them; hold until the next `decode`. */
  readonly ranges: Int32Array;
  rangeCount = 0;
  before = '';
  after = '';
  done = false;
  /** Content seen so far, in all calls. */
  contentBytes = 0;
  /** When `done`: trailer lines that may be passed on, each with its line end. */
  trailers = '';
  /** Why `decode` refused. */
  fault: Fault = 'chunk_size';

  readonly #framed: boolean;
  #state: number = State.SizeStart;
  /** Of the current chunk: its size until its content begins, then what is missing of it. */
  #size = 0;
  #digits = 0;
  /** Size line without extension and leading zeros? */
  #canonical = true;
  #extensionBytes = 0;
  /** Where in this input the current framing line began, its size begins without zeros, and ends; -1: before it. */
  #lineStart = -1;
  #sizeStart = -1;
  #sizeEnd = -1;
  #trailerReader: TrailerReader | undefined;

  /** Decoders of one thread may share `ranges`. */
  constructor(output: ChunkedOutput, ranges: Int32Array = new Int32Array(MAX_RANGES * 2)) {
    this.#framed = output === 'framed';
    this.ranges = ranges;
  }

  /**
   * Reads `bytes[start, end)`. Answers how many bytes it took: fewer than given when the body is `done`, or when the
   * ranges are full (call again with the rest). `REFUSED` sets `fault`, and there is no output.
   */
  decode(bytes: Buffer, start: number, end: number): number {
    this.rangeCount = 0;
    this.before = '';
    this.after = '';
    this.#lineStart = -1;
    let pos = start;
    while (pos < end && this.#state !== State.Done) {
      if (this.#state === State.Content) pos = this.#takeContent(pos, end);
      else if (this.#state === State.SizeStart && this.#isFull()) break;
      else if (this.#inTrailers(bytes[pos]!)) pos = this.#takeTrailers(bytes, pos, end);
      else if (this.#takeFraming(bytes[pos]!, pos)) pos += 1;
      else pos = REFUSED;
      if (pos === REFUSED) return REFUSED;
    }
    return pos - start;
  }

  #isFull(): boolean {
    return (this.rangeCount + RANGES_PER_CHUNK) * 2 > this.ranges.length;
  }

  /** Is there a trailer section to read, rather than the empty line alone? */
  #inTrailers(byte: number): boolean {
    return this.#state === State.Trailers && (byte !== CR || this.#trailerReader !== undefined);
  }

  #takeContent(pos: number, end: number): number {
    const taken = Math.min(this.#size, end - pos);
    this.#emit(pos, pos + taken);
    this.contentBytes += taken;
    this.#size -= taken;
    if (this.#size === 0) this.#state = State.ContentCr;
    return pos + taken;
  }

  #takeTrailers(bytes: Buffer, pos: number, end: number): number {
    this.#trailerReader ??= new TrailerReader();
    const reader = this.#trailerReader;
    const taken = reader.read(bytes, pos, end);
    if (taken === REFUSED) {
      this.fault = reader.fault;
      return REFUSED;
    }
    if (reader.done) {
      this.trailers = reader.text;
      this.done = true;
      this.#state = State.Done;
      if (this.#framed) this.after = `0\r\n${reader.text}\r\n`;
    }
    return pos + taken;
  }

  #takeFraming(byte: number, pos: number): boolean {
    switch (this.#state) {
      case State.SizeStart:
        this.#size = 0;
        this.#digits = 0;
        this.#canonical = true;
        this.#lineStart = pos;
        this.#sizeStart = pos;
        this.#state = State.Size;
        return this.#takeDigit(byte, pos) || this.#fail('chunk_size');
      case State.Size:
        if (this.#takeDigit(byte, pos)) return this.#digits <= MAX_SIZE_DIGITS || this.#fail('chunk_size');
        this.#sizeEnd = pos;
        if (byte === CR) return this.#enter(State.SizeLf);
        this.#canonical = false;
        if (byte === SEMICOLON) return this.#takeExtension(State.NameStart);
        return this.#fail(byte === LF ? 'bare_lf' : 'chunk_size');
      case State.SizeLf:
        return byte === LF ? this.#endSizeLine(pos) : this.#fail('bare_cr');
      case State.ContentCr:
        this.#lineStart = pos;
        return byte === CR ? this.#enter(State.ContentLf) : this.#fail('chunk_end');
      case State.ContentLf:
        if (byte !== LF) return this.#fail('chunk_end');
        if (this.#framed) this.#emitOrWrite(pos + 1, '\r\n');
        return this.#enter(State.SizeStart);
      case State.Trailers:
        return this.#enter(State.LastLf);
      case State.LastLf:
        return byte === LF ? this.#endBody(pos) : this.#fail('bare_cr');
      default:
        return this.#takeExtensionByte(byte);
    }
  }

  #takeDigit(byte: number, pos: number): boolean {
    const value = HEX[byte]!;
    if (value === NOT_HEX) return false;
    if (this.#size === 0 && this.#digits > 0) {
      this.#canonical = false;
      this.#sizeStart = pos;
    }
    this.#size = this.#size * 16 + value;
    this.#digits += 1;
    return true;
  }

  /** `;name`, `;name=token` and `;name="quoted text"`, which nobody needs and nobody gets. */
  #takeExtensionByte(byte: number): boolean {
    const state = this.#state;
    const isToken = (CLASS[byte]! & TOKEN) !== 0;
    if (state === State.QuotedText || state === State.QuotedPair) {
      if ((CLASS[byte]! & FIELD) === 0) return this.#fail('chunk_extension');
      if (state === State.QuotedPair || (byte !== QUOTE && byte !== BACKSLASH))
        return this.#takeExtension(State.QuotedText);
      return this.#takeExtension(byte === QUOTE ? State.QuotedEnd : State.QuotedPair);
    }
    if (state === State.NameStart || state === State.ValueStart) {
      if (isToken) return this.#takeExtension(state === State.NameStart ? State.Name : State.Value);
      if (state === State.ValueStart && byte === QUOTE) return this.#takeExtension(State.QuotedText);
      return this.#fail('chunk_extension');
    }
    if (byte === CR) return this.#enter(State.SizeLf);
    if (byte === SEMICOLON) return this.#takeExtension(State.NameStart);
    if (byte === EQUALS && state === State.Name) return this.#takeExtension(State.ValueStart);
    if (isToken && state !== State.QuotedEnd) return this.#takeExtension(state);
    return this.#fail('chunk_extension');
  }

  #takeExtension(next: number): boolean {
    this.#state = next;
    this.#extensionBytes += 1;
    return this.#extensionBytes <= MAX_CHUNK_EXTENSION_BYTES || this.#fail('chunk_extension_too_large');
  }

  #endSizeLine(pos: number): boolean {
    if (this.#size === 0) {
      // Put out with the line end that completes it.
      if (!this.#canonical) this.#lineStart = -1;
      return this.#enter(State.Trailers);
    }
    if (this.#framed) {
      if (this.#canonical || this.#lineStart === -1) {
        this.#emitOrWrite(pos + 1, `${this.#size.toString(16)}\r\n`);
      } else {
        this.#emit(this.#sizeStart, this.#sizeEnd);
        this.#emit(pos - 1, pos + 1);
      }
    }
    return this.#enter(State.Content);
  }

  #endBody(pos: number): boolean {
    this.done = true;
    if (this.#framed) {
      if (this.#lineStart === -1) this.after = '0\r\n\r\n';
      else this.#emit(this.#lineStart, pos + 1);
    }
    return this.#enter(State.Done);
  }

  /** The framing line up to `end` as it came, or as text when its start was in an earlier input: it comes first then. */
  #emitOrWrite(end: number, text: string): void {
    if (this.#lineStart === -1) this.before += text;
    else this.#emit(this.#lineStart, end);
  }

  #emit(start: number, end: number): void {
    const { ranges, rangeCount } = this;
    if (rangeCount > 0 && ranges[rangeCount * 2 - 1] === start) {
      ranges[rangeCount * 2 - 1] = end;
      return;
    }
    ranges[rangeCount * 2] = start;
    ranges[rangeCount * 2 + 1] = end;
    this.rangeCount += 1;
  }

  #enter(state: number): true {
    this.#state = state;
    return true;
  }

  #fail(fault: Fault): false {
    this.fault = fault;
    return false;
  }
}
