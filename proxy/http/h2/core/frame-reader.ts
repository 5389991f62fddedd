import { Flag, FRAME_HEAD_BYTES, FrameType, Http2Code, MAX_FRAME_BYTES, readUint31 } from './protocol.ts';

/** The largest type that we know. */
const LAST_TYPE = FrameType.Continuation;

/** The head of a frame; of the one that is being read. */
export class FrameHead {
  type = 0;
  flags = 0;
  stream = 0;
  /** Of the payload. */
  size = 0;

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }
}

/** What a frame reader tells. Each answers whether the reader is to go on: false, and it reads nothing more. */
export interface FrameSink {
  /** Content follows. @param padding how much of the payload is none, with the byte that says so */
  dataBegins(head: FrameHead, padding: number): boolean;
  /** Some of the content. */
  dataPart(bytes: Buffer, start: number, end: number): boolean;
  dataEnds(): boolean;
  /** A whole frame of any other known type, with its payload. */
  frame(head: FrameHead, bytes: Buffer, start: number, end: number): boolean;
  /** A frame of an unknown type begins. It is skipped (RFC 9113 section 4.1). */
  unknown(head: FrameHead): boolean;
  /** What comes is none of HTTP/2, for a reason of RFC 9113 section 7; nothing more is read. */
  fail(code: number, message: string): void;
}

/**
 * Finds the frames in what is read of a connection, however it is cut. Content of DATA is told as it comes; all else
 * when it is whole, out of the bytes that were read where it lies in one piece.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #head = new FrameHead();
  readonly #preface: Buffer;
  #prefaceRead = 0;
  /** The beginning of a frame whose end has not come. */
  #partial: Buffer | undefined;
  #partialLength = 0;
  /** Of a DATA frame: what is missing of its content. */
  #contentLeft = 0;
  #isInData = false;
  /** Padding, or the payload of an unknown frame. */
  #skipLeft = 0;

  /** @param preface what comes before the first frame */
  constructor(sink: FrameSink, preface: Buffer) {
    this.#sink = sink;
    this.#preface = preface;
  }

  read(bytes: Buffer, start: number, end: number): void {
    let pos = this.#prefaceRead < this.#preface.length ? this.#readPreface(bytes, start, end) : start;
    while (pos >= 0 && (pos < end || this.#mayEndData)) {
      if (this.#isInData || this.#skipLeft > 0) pos = this.#readOn(bytes, pos, end);
      else if (this.#partial !== undefined) pos = this.#completePartial(this.#partial, bytes, pos, end);
      else pos = this.#readFrame(bytes, pos, end);
    }
  }

  #readPreface(bytes: Buffer, start: number, end: number): number {
    let pos = start;
    for (; pos < end && this.#prefaceRead < this.#preface.length; pos++) {
      if (bytes[pos] !== this.#preface[this.#prefaceRead])
        return this.#refuse(Http2Code.ProtocolError, 'no preface');
      this.#prefaceRead += 1;
    }
    return pos;
  }

  #refuse(code: number, message: string): -1 {
    this.#sink.fail(code, message);
    return -1;
  }

  /** A DATA frame ends with its last byte, and one without content at once. */
  get #mayEndData(): boolean {
    return this.#isInData && this.#contentLeft === 0 && this.#skipLeft === 0;
  }

  /** Answers the position behind what it took, or -1 when the sink wants no more. */
  #readOn(bytes: Buffer, start: number, end: number): number {
    let pos = start;
    if (this.#contentLeft > 0) {
      const size = Math.min(this.#contentLeft, end - pos);
      this.#contentLeft -= size;
      if (!this.#sink.dataPart(bytes, pos, pos + size)) return -1;
      pos += size;
    }
    if (this.#contentLeft === 0) {
      const size = Math.min(this.#skipLeft, end - pos);
      this.#skipLeft -= size;
      pos += size;
    }
    if (!this.#mayEndData) return pos;
    this.#isInData = false;
    return this.#sink.dataEnds() ? pos : -1;
  }

  #readFrame(bytes: Buffer, pos: number, end: number): number {
    if (end - pos < FRAME_HEAD_BYTES) return this.#keep(bytes, pos, end);
    const head = this.#head;
    const size = (bytes[pos]! << 16) | (bytes[pos + 1]! << 8) | bytes[pos + 2]!;
    if (size > MAX_FRAME_BYTES) return this.#refuse(Http2Code.FrameSizeError, 'a frame that is too large');
    head.size = size;
    head.type = bytes[pos + 3]!;
    head.flags = bytes[pos + 4]!;
    head.stream = readUint31(bytes, pos + 5);
    if (head.type === FrameType.Data) return this.#beginData(bytes, pos, end);
    const payload = pos + FRAME_HEAD_BYTES;
    if (head.type > LAST_TYPE) {
      this.#skipLeft = size;
      return this.#sink.unknown(head) ? payload : -1;
    }
    if (end - payload < size) return this.#keep(bytes, pos, end);
    return this.#sink.frame(head, bytes, payload, payload + size) ? payload + size : -1;
  }

  #beginData(bytes: Buffer, pos: number, end: number): number {
    const head = this.#head;
    let content = pos + FRAME_HEAD_BYTES;
    let padding = 0;
    if (head.has(Flag.Padded)) {
      if (head.size === 0) return this.#refuse(Http2Code.FrameSizeError, 'padding that is not there');
      if (content === end) return this.#keep(bytes, pos, end);
      padding = bytes[content]! + 1;
      content += 1;
      if (padding > head.size) return this.#refuse(Http2Code.ProtocolError, 'more padding than payload');
    }
    this.#isInData = true;
    this.#contentLeft = head.size - padding;
    this.#skipLeft = padding === 0 ? 0 : padding - 1;
    return this.#sink.dataBegins(head, padding) ? content : -1;
  }

  /** Until more comes. */
  #keep(bytes: Buffer, pos: number, end: number): number {
    this.#partial = Buffer.allocUnsafe(Math.max(FRAME_HEAD_BYTES + 1, sizeOf(bytes, pos, end)));
    this.#partialLength = bytes.copy(this.#partial, 0, pos, end);
    return end;
  }

  #completePartial(partial: Buffer, bytes: Buffer, pos: number, end: number): number {
    const known = this.#partialLength;
    const wanted = known < FRAME_HEAD_BYTES ? FRAME_HEAD_BYTES : wholeSize(partial, known);
    const taken = bytes.copy(partial, known, pos, Math.min(end, pos + wanted - known));
    this.#partialLength += taken;
    if (this.#partialLength < wanted) return end;
    // As it is whole, or its head is, it is read like any other; what it still lacks is kept again.
    this.#partial = undefined;
    return this.#readFrame(partial, 0, this.#partialLength) < 0 ? -1 : pos + taken;
  }
}

/** How large the frame is that begins at `pos`, head and all; as far as one can tell. */
function sizeOf(bytes: Buffer, pos: number, end: number): number {
  return end - pos < FRAME_HEAD_BYTES ? FRAME_HEAD_BYTES : wholeSize(bytes.subarray(pos, end), end - pos);
}

/** How much of a frame is wanted before it can be told of, once its head is known. */
function wholeSize(frame: Buffer, known: number): number {
  if (frame[3] === FrameType.Data) return FRAME_HEAD_BYTES + 1;
  return Math.max(known, FRAME_HEAD_BYTES + ((frame[0]! << 16) | (frame[1]! << 8) | frame[2]!));
}
