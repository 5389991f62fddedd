import { ChunkedDecoder } from '../../../proxy/http/h1/chunked-decoder.ts';
import { type Fault, INCOMPLETE, REFUSED } from '../../../proxy/http/h1/fault.ts';
import { PartialHead } from '../../../proxy/http/h1/partial-head.ts';
import { RequestHead } from '../../../proxy/http/h1/request-head.ts';
import { writeRequestHead } from '../../../proxy/http/h1/write-request.ts';

export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  /** Lower-case name and value of each line, in order. */
  readonly headers: readonly (readonly [string, string])[];
  readonly content: string;
  readonly trailers: string;
  /** The whole request as a backend gets it. */
  readonly forwarded: string;
}

export interface ReadResult {
  readonly requests: readonly ReadRequest[];
  /** Why reading stopped; undefined when all input was good so far. */
  readonly fault: Fault | undefined;
  /** Did a request end the connection? What comes after it is not read. */
  readonly closed: boolean;
}

/** Reads pipelined requests the way a connection does, up to one that ends it, from pieces of any size. */
export function readRequests(pieces: readonly Buffer[]): ReadResult {
  const reader = new Reader();
  for (const piece of pieces) if (!reader.add(piece)) break;
  return { requests: reader.requests, fault: reader.fault, closed: reader.closed };
}

class Reader {
  readonly requests: ReadRequest[] = [];
  fault: Fault | undefined;
  readonly #head = new RequestHead();
  #partial: PartialHead | undefined;
  #open: { -readonly [K in keyof ReadRequest]: ReadRequest[K] } | undefined;
  #keepAlive = true;
  #missing = 0;
  #content: ChunkedDecoder | undefined;
  #framed: ChunkedDecoder | undefined;

  get closed(): boolean {
    return !this.#keepAlive && this.#open === undefined;
  }

  add(piece: Buffer): boolean {
    let bytes = piece;
    while (bytes.length > 0 && this.fault === undefined && !this.closed) {
      bytes = this.#open === undefined ? this.#takeHead(bytes) : this.#takeBody(bytes);
    }
    return this.fault === undefined;
  }

  #takeHead(piece: Buffer): Buffer {
    let bytes = piece;
    if (this.#partial !== undefined) {
      if (!this.#partial.add(piece, 0, piece.length)) return piece.subarray(piece.length);
      bytes = this.#partial.bytes.subarray(0, this.#partial.length);
    }
    const taken = this.#head.parse(bytes, 0, bytes.length);
    if (taken === REFUSED) this.fault = this.#head.fault;
    if (taken === INCOMPLETE && this.#partial === undefined) {
      this.#partial = new PartialHead(64);
      this.#partial.add(piece, 0, piece.length);
    }
    if (taken <= 0) return piece.subarray(piece.length);
    this.#partial = undefined;
    const { method, target, authority, lines, body, contentLength } = this.#head;
    const headers = Array.from({ length: lines.count }, (_, i) => [lines.name(i), lines.value(i)] as const);
    const forwarded = writeRequestHead(this.#head, { forwarded: '', requestId: 'id' });
    this.#open = { method, target, authority, headers, content: '', trailers: '', forwarded };
    this.#keepAlive = this.#head.keepAlive;
    this.#missing = contentLength;
    this.#content = body === 'chunked' ? new ChunkedDecoder('content') : undefined;
    this.#framed = body === 'chunked' ? new ChunkedDecoder('framed') : undefined;
    if (body !== 'chunked' && contentLength === 0) this.#complete();
    return bytes.subarray(taken);
  }

  #takeBody(bytes: Buffer): Buffer {
    const taken = this.#content === undefined ? this.#takeLength(bytes) : this.#takeChunks(bytes);
    if (taken === REFUSED) {
      this.fault = this.#content!.fault;
      return bytes;
    }
    return bytes.subarray(taken);
  }

  #takeLength(bytes: Buffer): number {
    const taken = Math.min(bytes.length, this.#missing);
    const text = bytes.toString('latin1', 0, taken);
    this.#open!.content += text;
    this.#open!.forwarded += text;
    this.#missing -= taken;
    if (this.#missing === 0) this.#complete();
    return taken;
  }

  #takeChunks(bytes: Buffer): number {
    const open = this.#open!;
    const content = this.#content!;
    const framed = this.#framed!;
    const taken = content.decode(bytes, 0, bytes.length);
    if (taken === REFUSED) return REFUSED;
    open.content += outputOf(content, bytes);
    for (let pos = 0; pos < taken;) {
      const step = framed.decode(bytes, pos, taken);
      open.forwarded += outputOf(framed, bytes);
      pos += step;
    }
    open.trailers = content.trailers;
    if (content.done) this.#complete();
    return taken;
  }

  #complete(): void {
    this.requests.push(this.#open!);
    this.#open = undefined;
  }
}

/** What a decoder puts out for the input it just took. */
export function outputOf(decoder: ChunkedDecoder, input: Buffer): string {
  let text = decoder.before;
  for (let i = 0; i < decoder.rangeCount; i++) {
    text += input.toString('latin1', decoder.ranges[i * 2], decoder.ranges[i * 2 + 1]);
  }
  return text + decoder.after;
}
