import type { ProbeConfig } from '../../api/snapshot.ts';
import { ChunkedDecoder } from '../http/h1/chunked-decoder.ts';
import { INCOMPLETE, REFUSED, type Fault } from '../http/h1/fault.ts';
import { PartialHead } from '../http/h1/partial-head.ts';
import { ResponseHead } from '../http/h1/response-head.ts';
import { fail, PASS, type ProbeResult } from './probe.ts';

type HttpProbe = Extract<ProbeConfig, { type: 'HTTP' }>;

const BODY_LIMIT = 64 * 1024;

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
  #received = 0;
  readonly #parts: Buffer[] = [];

  constructor(probe: HttpProbe) {
    this.#probe = probe;
  }

  read(chunk: Buffer): ProbeResult | undefined {
    if (this.#inBody) return this.#readBody(chunk);
    if (this.#partial === undefined) return this.#readHead(chunk, chunk.length);
    if (!this.#partial.add(chunk, 0, chunk.length)) return undefined;
    return this.#readHead(this.#partial.bytes, this.#partial.length);
  }

  /** The peer has closed. */
  ended(): ProbeResult {
    if (this.#inBody && this.#head.body === 'until-close') return this.#judgeBody();
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
    const { expectedStatuses } = this.#probe;
    if (!expectedStatuses.some(({ start, end }) => start <= status && status <= end)) {
      return fail('UnexpectedStatus', `HTTP ${status}, wanted ${statusText(expectedStatuses)}`);
    }
    this.#inBody = true;
    if (body === 'chunked') this.#chunks = new ChunkedDecoder('content');
    return this.#readBody(rest);
  }

  #readBody(bytes: Buffer): ProbeResult | undefined {
    if (this.#chunks !== undefined) return this.#readChunks(this.#chunks, bytes);
    const { body, contentLength } = this.#head;
    const expected = body === 'none' ? 0 : body === 'length' ? contentLength : Infinity;
    this.#take(bytes.subarray(0, expected - this.#received));
    if (this.#received > BODY_LIMIT) return TOO_LONG;
    return this.#received === expected ? this.#judgeBody() : undefined;
  }

  #readChunks(chunks: ChunkedDecoder, bytes: Buffer): ProbeResult | undefined {
    let pos = 0;
    while (pos < bytes.length && !chunks.done) {
      const taken = chunks.decode(bytes, pos, bytes.length);
      if (taken === REFUSED) return malformed(chunks.fault);
      pos += taken;
      for (let i = 0; i < chunks.rangeCount; i++) {
        this.#take(bytes.subarray(chunks.ranges[2 * i], chunks.ranges[2 * i + 1]));
      }
      if (this.#received > BODY_LIMIT) return TOO_LONG;
    }
    return chunks.done ? this.#judgeBody() : undefined;
  }

  #take(part: Buffer): void {
    this.#received += part.length;
    if (this.#probe.expectedBody !== undefined) this.#parts.push(part);
  }

  #judgeBody(): ProbeResult {
    const { expectedBody } = this.#probe;
    if (expectedBody === undefined || Buffer.concat(this.#parts).includes(expectedBody)) return PASS;
    return fail('UnexpectedBody', 'the body does not contain the expected text');
  }
}

const TOO_LONG = fail('UnexpectedBody', 'the body is longer than 64 KiB');

function malformed(fault: Fault): ProbeResult {
  return fail('ProtocolError', `the answer is not valid HTTP/1.1: ${fault}`);
}

function statusText(ranges: HttpProbe['expectedStatuses']): string {
  return ranges.map(({ start, end }) => (start === end ? `${start}` : `${start}-${end}`)).join(', ');
}
