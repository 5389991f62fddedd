import { CLASS, CR, FIELD, LF, SP } from './byte-class.ts';
import { CLOSE, KEEP_ALIVE, readConnectionOptions, UPGRADE } from './connection-options.ts';
import { type Fault, INCOMPLETE, REFUSED } from './fault.ts';
import { readContentLength, transferEncodingFault } from './framing.ts';
import { HeaderId } from './header-id.ts';
import { Fate, HeaderLines } from './header-lines.ts';
import { MAX_RESPONSE_HEAD_BYTES } from './limits.ts';

export type ResponseBody = 'none' | 'length' | 'chunked' | 'until-close';

/** In a Keep-Alive header. */
const TIMEOUT = /(?:^|[\s,])timeout=(\d{1,9})(?=$|[\s,])/;

/**
 * One HTTP/1.0 or 1.1 response head (RFC 9112), read as strictly as a request's. Reused like `RequestHead`.
 */
export class ResponseHead {
  status = 0;
  /** 0 or 1 of `HTTP/1.x`. */
  minorVersion = 1;
  body: ResponseBody = 'none';
  /** Bytes; 0 without Content-Length. With `body` `none` it is what a GET would have had. */
  contentLength = 0;
  /** Has a Content-Length, also where there is no body (HEAD, 304). */
  hasContentLength = false;
  /** Is Content-Length odd enough to be written anew? */
  isLengthRewritten = false;
  /** Is the status line what we would write? */
  isStatusLinePlain = true;
  /** May the connection serve another request when this response is complete? */
  keepAlive = true;
  /** Seconds that the backend says it keeps an idle connection (`Keep-Alive: timeout=`); -1 when it does not say. */
  keepAliveTimeout = -1;
  /** 101 to WebSocket, with Connection and Upgrade as they must be. */
  websocket = false;
  readonly lines: HeaderLines;
  /** Why the last parse was refused. */
  fault: Fault = 'status_line';
  #keepAliveText = '';
  #keepAliveSeconds = -1;

  constructor(lines = new HeaderLines()) {
    this.lines = lines;
  }

  /** The text of the status line; often empty. */
  get reason(): string {
    return this.lines.text(12, this.lines.lineStart(0) - 2).trim();
  }

  header(name: string): string | undefined {
    return this.lines.get(name);
  }

  /**
   * Reads the head in `bytes[start, end)` of the answer to a request with this method. Answers the number of bytes it
   * takes, `INCOMPLETE` when more are needed, or `REFUSED` and sets `fault`.
   */
  parse(bytes: Buffer, start: number, end: number, method: string): number {
    const limit = Math.min(end, start + MAX_RESPONSE_HEAD_BYTES);
    const linesStart = this.#parseStatusLine(bytes, start, limit);
    if (linesStart === REFUSED) return REFUSED;
    const after = linesStart === INCOMPLETE ? INCOMPLETE : this.lines.parse(bytes, start, linesStart, limit);
    if (after === REFUSED) return this.#refuse(this.lines.fault);
    if (after === INCOMPLETE) {
      return limit === start + MAX_RESPONSE_HEAD_BYTES ? this.#refuse('head_too_large') : INCOMPLETE;
    }
    return this.#interpret(method) ? after - start : REFUSED;
  }

  #refuse(fault: Fault): number {
    this.fault = fault;
    return REFUSED;
  }

  #fail(fault: Fault): boolean {
    this.fault = fault;
    return false;
  }

  /** `HTTP/1.1 200 OK`; the text, and the space before it, may be missing. */
  #parseStatusLine(bytes: Buffer, start: number, end: number): number {
    const prefix = 'HTTP/1.';
    for (let k = 0; k < prefix.length; k++) {
      if (start + k >= end) return INCOMPLETE;
      if (bytes[start + k] !== prefix.charCodeAt(k)) return this.#refuse('status_line');
    }
    if (start + 13 >= end) return INCOMPLETE;
    const minor = bytes[start + 7]! - 0x30;
    const hundreds = bytes[start + 9]! - 0x30;
    const tens = bytes[start + 10]! - 0x30;
    const ones = bytes[start + 11]! - 0x30;
    const isStatus = hundreds >= 1 && hundreds <= 5 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
    if ((minor !== 0 && minor !== 1) || bytes[start + 8] !== SP || !isStatus)
      return this.#refuse('status_line');
    this.minorVersion = minor;
    this.status = hundreds * 100 + tens * 10 + ones;
    let pos = start + 12;
    this.isStatusLinePlain = minor === 1 && bytes[pos] === SP;
    if (bytes[pos] === SP) while (pos < end && (CLASS[bytes[pos]!]! & FIELD) !== 0) pos++;
    if (pos + 1 >= end) return INCOMPLETE;
    if (bytes[pos] !== CR) return this.#refuse(bytes[pos] === LF ? 'bare_lf' : 'status_line');
    return bytes[pos + 1] === LF ? pos + 2 : this.#refuse('bare_cr');
  }

  #interpret(method: string): boolean {
    const { lines } = this;
    const { ids, fates, count } = lines;
    let length = -1;
    let coding = -1;
    let options = 0;
    let websocket = false;
    let announces = false;
    this.keepAliveTimeout = -1;
    for (let i = 0; i < count; i++) {
      switch (ids[i]) {
        case HeaderId.Other:
          break;
        case HeaderId.ContentLength:
          if (length !== -1) return this.#fail('cl_repeated');
          length = i;
          break;
        case HeaderId.TransferEncoding:
          if (coding !== -1) return this.#fail('te_repeated');
          coding = i;
          break;
        case HeaderId.Connection: {
          fates[i] = Fate.Rewritten;
          const read = readConnectionOptions(lines, i);
          if (read === -1) return this.#fail('connection_invalid');
          options |= read;
          break;
        }
        case HeaderId.Upgrade:
          fates[i] = Fate.Rewritten;
          websocket = lines.valueIs(i, 'websocket');
          break;
        case HeaderId.KeepAlive:
          fates[i] = Fate.Rewritten;
          this.keepAliveTimeout = this.#readKeepAlive(i);
          break;
        case HeaderId.ProxyConnection:
        case HeaderId.ProxyAuthenticate:
        case HeaderId.Proxy:
        case HeaderId.Te:
          fates[i] = Fate.Hidden;
          break;
        case HeaderId.Trailer:
          fates[i] = Fate.Hidden;
          announces = true;
          break;
        default:
          break;
      }
    }
    this.websocket = this.status === 101 && websocket && (options & UPGRADE) !== 0;
    this.keepAlive = (options & CLOSE) === 0 && (this.minorVersion === 1 || (options & KEEP_ALIVE) !== 0);
    if (!this.#readFraming(length, coding, method)) return false;
    if (announces && this.body === 'chunked') lines.show(HeaderId.Trailer);
    return true;
  }

  /** Most backends say the same each time. */
  #readKeepAlive(i: number): number {
    const { lines } = this;
    if (!lines.valueIs(i, this.#keepAliveText)) {
      this.#keepAliveText = lines.value(i).toLowerCase();
      this.#keepAliveSeconds = Number(TIMEOUT.exec(this.#keepAliveText)?.[1] ?? -1);
    }
    return this.#keepAliveSeconds;
  }

  /** RFC 9112 section 6.3, without its leniencies. */
  #readFraming(length: number, coding: number, method: string): boolean {
    const { lines, status } = this;
    this.contentLength = 0;
    this.hasContentLength = length !== -1;
    this.isLengthRewritten = false;
    if (length !== -1) {
      this.contentLength = readContentLength(lines, length);
      if (this.contentLength === -1) return this.#fail('cl_invalid');
      if (!lines.isPlain(length)) {
        lines.fates[length] = Fate.Rewritten;
        this.isLengthRewritten = true;
      }
    }
    if (coding !== -1) {
      if (length !== -1) return this.#fail('cl_te');
      if (this.minorVersion === 0) return this.#fail('te_http10');
      const fault = transferEncodingFault(lines, coding);
      if (fault !== undefined) return this.#fail(fault);
      lines.fates[coding] = Fate.Rewritten;
    }
    if (status < 200 || status === 204) {
      // Neither may announce a body (RFC 9110 section 8.6): one that does may send it, too.
      if (coding !== -1 || this.contentLength > 0) this.keepAlive = false;
      if (length !== -1) lines.fates[length] = Fate.Hidden;
      this.hasContentLength = false;
      this.isLengthRewritten = false;
      this.body = 'none';
    } else if (method === 'HEAD' || status === 304) this.body = 'none';
    else if (coding !== -1) {
      this.body = 'chunked';
      if (lines.isPlain(coding)) lines.fates[coding] = Fate.Copied;
    } else if (length !== -1) this.body = 'length';
    else {
      this.body = 'until-close';
      this.keepAlive = false;
    }
    return true;
  }
}
