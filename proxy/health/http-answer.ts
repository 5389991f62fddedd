import { ChunkedDecoder } from '../http/h1/chunked-decoder.ts';
import { INCOMPLETE, REFUSED, type Fault } from '../http/h1/fault.ts';
import { PartialHead } from '../http/h1/partial-head.ts';
import { ResponseHead } from '../http/h1/response-head.ts';
import { HttpExpectation, type HttpProbe } from './http-expectation.ts';
import { fail, type ProbeResult } from './probe.ts';

/**
 * Reads the answer to one HTTP check and says whether it is the one wanted, as soon as that is decided: a wrong status
 * at the end of the head, all else at the end of the body. It is read by the codec that reads what is forwarded, so an
 * answer which the proxy could not pass on fails the check. Nothing is unbounded: the body may have 64 KiB, also when
 * nobody looks into it; redirects are answers like others.
 */
export class HttpAnswer {
  readonly #probe: HttpProbe;
  readonly #head = new ResponseHead();
  /** What has come of a head that did not come whole. */
  #partial: PartialHead | undefined;
  #inBody = false;
  #chunks: ChunkedDecoder | undefined;
  readonly #expectation: HttpExpectation;

  constructor(probe: HttpProbe) {
    this.#probe = probe;
    this.#expectation = new HttpExpectation(probe);
  }

  read(chunk: Buffer): ProbeResult | undefined {
    if (this.#inBody) return this.#readBody(chunk);
    if (this.#partial === undefined) return this.#readHead(chunk, chunk.length);
    if (!this.#partial.add(chunk, 0, chunk.length)) return undefined;
    return this.#readHead(this.#partial.bytes, this.#partial.length);
  }

  /** The peer has closed. */
  ended(): ProbeResult {
    if (this.#inBody && this.#head.body === 'until-close') return this.#expectation.end();
    return fail('ProtocolError', 'connection closed before the answer was complete');
  }

  #readHead(bytes: Buffer, end: number): ProbeResult | undefined {
    let start = 0;
    for (;;) {
      const taken = this.#head.parse(bytes, start, end, this.#probe.method);
      if (taken === REFUSED) return malformed(this.#head.fault);
      if (taken === INCOMPLETE) break;
      start += taken;
      // An interim response: the real one follows.
      if (this.#head.status < 200 && this.#head.status !== 101) continue;
      return this.#begin(bytes.subarray(start, end));
    }
    if (this.#partial === undefined || start > 0) {
      this.#partial = new PartialHead();
      this.#partial.add(bytes, start, end);
    }
    return undefined;
  }

  #begin(rest: Buffer): ProbeResult | undefined {
    const { status, body } = this.#head;
    const unexpected = this.#expectation.status(status);
    if (unexpected !== undefined) return unexpected;
    this.#inBody = true;
    if (body === 'chunked') this.#chunks = new ChunkedDecoder('content');
    return this.#readBody(rest);
  }

  #readBody(bytes: Buffer): ProbeResult | undefined {
    if (this.#chunks !== undefined) return this.#readChunks(this.#chunks, bytes);
    const { body, contentLength } = this.#head;
    const expected = body === 'none' ? 0 : body === 'length' ? contentLength : Infinity;
    const expectation = this.#expectation;
    const tooLong = expectation.body(bytes.subarray(0, expected - expectation.received));
    if (tooLong !== undefined) return tooLong;
    return expectation.received === expected ? expectation.end() : undefined;
  }

  #readChunks(chunks: ChunkedDecoder, bytes: Buffer): ProbeResult | undefined {
    let pos = 0;
    while (pos < bytes.length && !chunks.done) {
      const taken = chunks.decode(bytes, pos, bytes.length);
      if (taken === REFUSED) return malformed(chunks.fault);
      pos += taken;
      for (let i = 0; i < chunks.rangeCount; i++) {
        const part = bytes.subarray(chunks.ranges[2 * i], chunks.ranges[2 * i + 1]);
        const tooLong = this.#expectation.body(part);
        if (tooLong !== undefined) return tooLong;
      }
    }
    return chunks.done ? this.#expectation.end() : undefined;
  }
}

function malformed(fault: Fault): ProbeResult {
  return fail('ProtocolError', `the answer is not valid HTTP/1.1: ${fault}`);
}
