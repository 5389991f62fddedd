import { ChunkedDecoder } from '../../../proxy/http/h1/chunked-decoder.ts';
import { type Fault, INCOMPLETE, REFUSED } from '../../../proxy/http/h1/fault.ts';
import { PartialHead } from '../../../proxy/http/h1/partial-head.ts';
import { RequestHead } from '../../../proxy/http/h1/request-head.ts';

export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  /** Lower-case name and value of each line, in order. */
  readonly headers: readonly (readonly [string, string])[];
  readonly content: string;
  readonly trailers: string;
}

export interface ReadResult {
  readonly requests: readonly ReadRequest[];
  /** Why reading stopped; undefined when all input was good so far. */
  readonly fault: Fault | undefined;
  /** Bytes of a message that is not complete. */
  readonly isCutShort: boolean;
}

/** Reads pipelined requests the way a connection does, from pieces of any size. */
export function readRequests(pieces: readonly Buffer[]): ReadResult {
  const reader = new Reader();
  for (const piece of pieces) if (!reader.add(piece)) break;
  return { requests: reader.requests, fault: reader.fault, isCutShort: reader.isCutShort };
}

class Reader {
  readonly requests: ReadRequest[] = [];
  fault: Fault | undefined;
  readonly #head = new RequestHead();
  #partial: PartialHead | undefined;
  #open: { request: Omit<ReadRequest, 'content' | 'trailers'>; content: string } | undefined;
  #missing = 0;
  #decoder: ChunkedDecoder | undefined;

  get isCutShort(): boolean {
    return this.#open !== undefined || this.#partial !== undefined;
  }

  add(piece: Buffer): boolean {
    let bytes = piece;
    while (bytes.length > 0 && this.fault === undefined) {
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
    this.#open = { request: { method, target, authority, headers }, content: '' };
    this.#missing = contentLength;
    this.#decoder = body === 'chunked' ? new ChunkedDecoder('content') : undefined;
    if (this.#decoder === undefined && contentLength === 0) this.#complete('');
    return bytes.subarray(taken);
  }

  #takeBody(bytes: Buffer): Buffer {
    const open = this.#open!;
    if (this.#decoder === undefined) {
      const taken = Math.min(bytes.length, this.#missing);
      open.content += bytes.toString('latin1', 0, taken);
      this.#missing -= taken;
      if (this.#missing === 0) this.#complete('');
      return bytes.subarray(taken);
    }
    const decoder = this.#decoder;
    const taken = decoder.decode(bytes, 0, bytes.length);
    if (taken === REFUSED) {
      this.fault = decoder.fault;
      return bytes;
    }
    open.content += outputOf(decoder, bytes);
    if (decoder.done) this.#complete(decoder.trailers);
    return bytes.subarray(taken);
  }

  #complete(trailers: string): void {
    this.requests.push({ ...this.#open!.request, content: this.#open!.content, trailers });
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
