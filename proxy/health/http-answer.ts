import type { ProbeConfig } from '../../api/snapshot.ts';
import { fail, PASS, type ProbeResult } from './probe.ts';

type HttpProbe = Extract<ProbeConfig, { type: 'HTTP' }>;

const HEAD_LIMIT = 16 * 1024;
const BODY_LIMIT = 64 * 1024;
/** A chunk-size or trailer line. */
const LINE_LIMIT = 1024;

const STATUS_LINE = /^HTTP\/1\.[01] ([1-9][0-9]{2})(?: |$)/;
const CHUNK_SIZE = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i;

type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; left: number }
  | { readonly kind: 'chunked'; at: 'size' | 'data' | 'data-end' | 'trailer'; left: number; line: string }
  | { readonly kind: 'close' };

/**
 * Reads the answer to one HTTP check (RFC 9112 sections 4 and 6) and says whether it is the one wanted, as soon as
 * that is decided: a wrong status at the end of the head, all else at the end of the body. Nothing is unbounded: the
 * head may have 16 KiB, the body 64 KiB, also when nobody looks into it; redirects are answers like others.
 */
export class HttpAnswer {
  readonly #probe: HttpProbe;
  #head: Buffer = Buffer.alloc(0);
  #framing: Framing | undefined;
  #received = 0;
  readonly #body: Buffer[] = [];

  constructor(probe: HttpProbe) {
    this.#probe = probe;
  }

  read(chunk: Buffer): ProbeResult | undefined {
    return this.#framing === undefined ? this.#readHead(chunk) : this.#readBody(this.#framing, chunk);
  }

  /** The peer has closed. */
  ended(): ProbeResult {
    if (this.#framing?.kind === 'close') return this.#judgeBody();
    return fail('ProtocolError', 'connection closed before the answer was complete');
  }

  #readHead(chunk: Buffer): ProbeResult | undefined {
    this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    for (;;) {
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) {
        if (this.#head.length <= HEAD_LIMIT) return undefined;
        return fail('ProtocolError', 'the answer has no HTTP head within 16 KiB');
      }
      const lines = this.#head.toString('latin1', 0, end).split('\r\n');
      const rest = this.#head.subarray(end + 4);
      const status = Number(STATUS_LINE.exec(lines[0]!)?.[1] ?? 0);
      if (status === 0) return fail('ProtocolError', 'the answer is not HTTP/1');
      if (status >= 200 || status === 101) {
        this.#head = Buffer.alloc(0);
        return this.#begin(status, lines.slice(1), rest);
      }
      // An interim response: the real one follows.
      this.#head = rest;
    }
  }

  #begin(status: number, fields: readonly string[], rest: Buffer): ProbeResult | undefined {
    const { expectedStatuses, method } = this.#probe;
    if (!expectedStatuses.some(({ start, end }) => start <= status && status <= end)) {
      return fail('UnexpectedStatus', `HTTP ${status}, wanted ${statusText(expectedStatuses)}`);
    }
    const framing = framingOf(status, method, fields);
    if (framing === undefined) return fail('ProtocolError', 'the length of the answer is unclear');
    this.#framing = framing;
    return this.#readBody(framing, rest);
  }

  #readBody(framing: Framing, chunk: Buffer): ProbeResult | undefined {
    switch (framing.kind) {
      case 'none':
        return this.#judgeBody();
      case 'length': {
        const part = chunk.subarray(0, framing.left);
        framing.left -= part.length;
        if (!this.#take(part)) return TOO_LONG;
        return framing.left === 0 ? this.#judgeBody() : undefined;
      }
      case 'chunked':
        return this.#readChunks(framing, chunk);
      case 'close':
        return this.#take(chunk) ? undefined : TOO_LONG;
    }
  }

  #readChunks(framing: Extract<Framing, { kind: 'chunked' }>, bytes: Buffer): ProbeResult | undefined {
    let rest = bytes;
    while (rest.length > 0) {
      if (framing.at === 'data') {
        const part = rest.subarray(0, framing.left);
        framing.left -= part.length;
        rest = rest.subarray(part.length);
        if (!this.#take(part)) return TOO_LONG;
        if (framing.left === 0) framing.at = 'data-end';
        continue;
      }
      const end = rest.indexOf('\n');
      framing.line += rest.toString('latin1', 0, end < 0 ? rest.length : end + 1);
      if (framing.line.length > LINE_LIMIT) return BAD_CHUNK;
      if (end < 0) return undefined;
      rest = rest.subarray(end + 1);
      if (!framing.line.endsWith('\r\n')) return BAD_CHUNK;
      const line = framing.line.slice(0, -2);
      framing.line = '';
      if (framing.at === 'size') {
        const size = CHUNK_SIZE.exec(line)?.[1];
        if (size === undefined) return BAD_CHUNK;
        framing.left = Number.parseInt(size, 16);
        framing.at = framing.left === 0 ? 'trailer' : 'data';
      } else if (framing.at === 'data-end') {
        if (line !== '') return BAD_CHUNK;
        framing.at = 'size';
      } else if (line === '') {
        return this.#judgeBody();
      }
    }
    return undefined;
  }

  /** False when the body is longer than a check's answer may be. */
  #take(part: Buffer): boolean {
    this.#received += part.length;
    if (this.#received > BODY_LIMIT) return false;
    if (this.#probe.expectedBody !== undefined) this.#body.push(part);
    return true;
  }

  #judgeBody(): ProbeResult {
    const { expectedBody } = this.#probe;
    if (expectedBody === undefined || Buffer.concat(this.#body).includes(expectedBody)) return PASS;
    return fail('UnexpectedBody', 'the body does not contain the expected text');
  }
}

const TOO_LONG = fail('UnexpectedBody', 'the body is longer than 64 KiB');
const BAD_CHUNK = fail('ProtocolError', 'the answer has a broken chunk');

/** How the body ends (RFC 9112 section 6.3); undefined when that cannot be told. */
function framingOf(status: number, method: string, fields: readonly string[]): Framing | undefined {
  if (method === 'HEAD' || status === 101 || status === 204 || status === 304) return { kind: 'none' };
  const codings = valuesOf('transfer-encoding', fields);
  const lengths = new Set(valuesOf('content-length', fields));
  if (codings.length > 0) {
    if (lengths.size > 0 || codings.join().toLowerCase() !== 'chunked') return undefined;
    return { kind: 'chunked', at: 'size', left: 0, line: '' };
  }
  if (lengths.size === 0) return { kind: 'close' };
  const [length] = lengths;
  if (lengths.size > 1 || !/^[0-9]{1,15}$/.test(length!)) return undefined;
  return { kind: 'length', left: Number(length) };
}

function valuesOf(name: string, fields: readonly string[]): string[] {
  return fields
    .filter((field) => field.slice(0, name.length + 1).toLowerCase() === `${name}:`)
    .map((field) => field.slice(name.length + 1).trim());
}

function statusText(ranges: HttpProbe['expectedStatuses']): string {
  return ranges.map(({ start, end }) => (start === end ? `${start}` : `${start}-${end}`)).join(', ');
}
