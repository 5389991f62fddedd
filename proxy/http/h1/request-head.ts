import type { HttpVersion } from '../../observe/traffic-record.ts';
import type { RequestView } from '../request-view.ts';
import { type Authority, AuthorityCache } from './authority-cache.ts';
import { CR, LF } from './byte-class.ts';
import { CLOSE, KEEP_ALIVE, readConnectionOptions, UPGRADE } from './connection-options.ts';
import { type Fault, INCOMPLETE, REFUSED } from './fault.ts';
import { readContentLength, transferEncodingFault } from './framing.ts';
import { HeaderId } from './header-id.ts';
import { Fate, HeaderLines } from './header-lines.ts';
import { MAX_REQUEST_HEAD_BYTES } from './limits.ts';
import { RequestLine } from './request-line.ts';

export type RequestBody = 'none' | 'length' | 'chunked';

const OUR_VIA = /(?:^|[\s,])(?:1\.[01]|2) evenkeel(?=$|[\s,])/g;
/** Of HTTP/1.0 without Host. */
const NO_AUTHORITY: Authority = { text: '', hostname: '' };
const REQUEST_ID = /^[\w.:/+=@-]{1,128}$/;

/**
 * One HTTP/1.0 or 1.1 request head (RFC 9112), read strictly. An instance is reused from head to head: what it says
 * holds until the next `parse`, and its lines no longer than the bytes that were parsed stay as they are; `keep`
 * makes a lasting copy. After a refused or incomplete parse it means nothing, apart from `fault`.
 */
export class RequestHead implements RequestView {
  hostname = '';
  /** Host and port as the client named them: the Host that a backend gets. Empty for HTTP/1.0 without Host. */
  authority = '';
  /** 2: the head was written for this parser out of one that came in over HTTP/2. */
  readonly majorVersion: 1 | 2;
  body: RequestBody = 'none';
  /** Bytes; 0 without Content-Length. */
  contentLength = 0;
  /** Is the line that frames the body odd enough to be written anew? */
  isFramingRewritten = false;
  /** May another request follow on this connection? */
  keepAlive = true;
  /** The client waits for `100 Continue` before it sends the body. */
  expectsContinue = false;
  /** Asks for a WebSocket, with Connection and Upgrade as they must be. */
  websocket = false;
  /** Proxies of ours that it came through already. */
  hops = 0;
  /** Has an X-Request-Id that is passed on. */
  hasRequestId = false;
  /** Is there a header that says where the request comes from (`X-Forwarded-*`, `Forwarded`, `X-Real-IP`)? */
  hasIdentity = false;
  /** Shows lines with an underscore in their name, which not every backend may see. */
  hasUnderscores = false;
  /** For `RequestView`; set by the connection. */
  clientAddress = '';
  readonly lines: HeaderLines;
  /** Why the last parse was refused. */
  fault: Fault = 'request_line';

  readonly #authorities: AuthorityCache;
  readonly #line: RequestLine;

  constructor(
    majorVersion: 1 | 2 = 1,
    lines = new HeaderLines(),
    authorities = new AuthorityCache(),
    line = new RequestLine(authorities),
  ) {
    this.majorVersion = majorVersion;
    this.lines = lines;
    this.#authorities = authorities;
    this.#line = line;
  }

  get method(): string {
    return this.#line.method;
  }

  get path(): string {
    return this.#line.path;
  }

  get query(): string {
    return this.#line.query;
  }

  /** What a backend gets as target. */
  get target(): string {
    return this.#line.target;
  }

  /** Did the target come in this very form? */
  get isTargetPlain(): boolean {
    return this.#line.isTargetPlain;
  }

  /** 0 or 1 of `HTTP/1.x`. */
  get minorVersion(): number {
    return this.#line.minorVersion;
  }

  /** As in the access log. */
  get protocol(): HttpVersion {
    if (this.majorVersion === 2) return 'HTTP/2';
    return this.minorVersion === 1 ? 'HTTP/1.1' : 'HTTP/1.0';
  }

  get hasBody(): boolean {
    return this.body === 'chunked' || this.contentLength > 0;
  }

  header(name: string): string | undefined {
    return this.lines.get(name);
  }

  /** What the peer claims about where the request comes from is not believed: nobody gets to see it. */
  hideIdentity(): void {
    const { ids, fates, count } = this.lines;
    for (let i = 0; i < count; i++) {
      if (ids[i]! >= HeaderId.XForwardedFor && ids[i]! <= HeaderId.Forwarded) fates[i] = Fate.Hidden;
    }
    this.hasIdentity = false;
  }

  /** A copy that lasts, with bytes of its own. */
  keep(): RequestHead {
    const copy = new RequestHead(this.majorVersion, this.lines.keep(), this.#authorities, this.#line.keep());
    copy.hasUnderscores = this.hasUnderscores;
    copy.hostname = this.hostname;
    copy.authority = this.authority;
    copy.isFramingRewritten = this.isFramingRewritten;
    copy.body = this.body;
    copy.contentLength = this.contentLength;
    copy.keepAlive = this.keepAlive;
    copy.expectsContinue = this.expectsContinue;
    copy.websocket = this.websocket;
    copy.hops = this.hops;
    copy.hasRequestId = this.hasRequestId;
    copy.hasIdentity = this.hasIdentity;
    copy.clientAddress = this.clientAddress;
    return copy;
  }

  /**
   * Reads the head in `bytes[start, end)`; one empty line before it is skipped. Answers the number of bytes it takes,
   * `INCOMPLETE` when more are needed, or `REFUSED` and sets `fault`. What is wrong is found as soon as it is there,
   * also in a head that is not complete.
   */
  parse(bytes: Buffer, start: number, end: number): number {
    let base = start;
    if (base < end && bytes[base] === CR) {
      if (base + 1 >= end) return INCOMPLETE;
      if (bytes[base + 1] !== LF) return this.#refuse('bare_cr');
      base += 2;
    }
    const limit = Math.min(end, base + MAX_REQUEST_HEAD_BYTES);
    const linesStart = this.#line.parse(bytes, base, limit);
    if (linesStart === REFUSED) return this.#refuse(this.#line.fault);
    const after = linesStart === INCOMPLETE ? INCOMPLETE : this.lines.parse(bytes, base, linesStart, limit);
    if (after === REFUSED) return this.#refuse(this.lines.fault);
    if (after === INCOMPLETE) {
      return limit === base + MAX_REQUEST_HEAD_BYTES ? this.#refuse('head_too_large') : INCOMPLETE;
    }
    return this.#interpret() ? after - start : REFUSED;
  }

  #refuse(fault: Fault): number {
    this.fault = fault;
    return REFUSED;
  }

  #fail(fault: Fault): boolean {
    this.fault = fault;
    return false;
  }

  /** What the known header lines say, and what becomes of them. */
  #interpret(): boolean {
    const { lines } = this;
    const { ids, fates, count } = lines;
    let host = -1;
    let length = -1;
    let coding = -1;
    let expect = -1;
    let options = 0;
    let upgrades = 0;
    let websocket = false;
    let announces = false;
    this.hops = 0;
    this.hasRequestId = false;
    this.hasIdentity = false;
    for (let i = 0; i < count; i++) {
      switch (ids[i]) {
        case HeaderId.Other:
          break;
        case HeaderId.Host:
          if (host !== -1) return this.#fail('host_repeated');
          host = i;
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
        case HeaderId.Expect:
          fates[i] = Fate.Rewritten;
          if (expect !== -1 || !lines.isPlain(i) || !lines.valueIs(i, '100-continue'))
            return this.#fail('expect');
          expect = i;
          break;
        case HeaderId.Upgrade:
          fates[i] = Fate.Rewritten;
          upgrades += 1;
          websocket = lines.valueIs(i, 'websocket');
          break;
        case HeaderId.Te:
          fates[i] = lines.valueIs(i, 'trailers') ? Fate.Copied : Fate.Hidden;
          break;
        case HeaderId.KeepAlive:
        case HeaderId.ProxyConnection:
        case HeaderId.ProxyAuthorization:
        case HeaderId.ProxyAuthenticate:
        case HeaderId.Proxy:
        case HeaderId.Http2Settings:
        // Who a client is says its TLS, and nobody else (RFC 9440 section 4).
        case HeaderId.ClientCert:
        case HeaderId.ClientCertChain:
          fates[i] = Fate.Hidden;
          break;
        case HeaderId.Trailer:
          fates[i] = Fate.Hidden;
          announces = true;
          break;
        case HeaderId.XForwardedFor:
        case HeaderId.XForwardedProto:
        case HeaderId.XForwardedHost:
        case HeaderId.XForwardedPort:
        case HeaderId.XForwardedPrefix:
        case HeaderId.XRealIp:
        case HeaderId.Forwarded:
          fates[i] = Fate.Rewritten;
          this.hasIdentity = true;
          break;
        case HeaderId.Via:
          this.hops += lines.value(i).match(OUR_VIA)?.length ?? 0;
          break;
        case HeaderId.XRequestId:
          fates[i] = !this.hasRequestId && REQUEST_ID.test(lines.value(i)) ? Fate.Copied : Fate.Hidden;
          this.hasRequestId ||= fates[i] === Fate.Copied;
          break;
        default:
          break;
      }
    }
    if (!this.#readHost(host) || !this.#readFraming(length, coding)) return false;
    if (announces && this.body === 'chunked') lines.show(HeaderId.Trailer);
    this.keepAlive = (options & CLOSE) === 0 && (this.minorVersion === 1 || (options & KEEP_ALIVE) !== 0);
    const hasContent = this.body === 'chunked' || this.contentLength > 0;
    this.expectsContinue = expect !== -1 && this.minorVersion === 1 && hasContent;
    this.websocket =
      websocket &&
      upgrades === 1 &&
      (options & UPGRADE) !== 0 &&
      this.minorVersion === 1 &&
      this.method === 'GET';
    return !this.websocket || !hasContent || this.#fail('upgrade_body');
  }

  #readHost(i: number): boolean {
    const { lines } = this;
    const named = this.#line.authority;
    if (i === -1) {
      if (this.minorVersion === 1) return this.#fail('host_missing');
      this.#serve(named ?? NO_AUTHORITY);
      return true;
    }
    const known = this.#authorities.get(
      lines.bytes,
      lines.base + lines.valueStart(i),
      lines.base + lines.valueEnd(i),
    );
    if (known === undefined) return this.#fail('host_invalid');
    if (named !== undefined || !lines.isPlain(i)) lines.fates[i] = Fate.Rewritten;
    this.#serve(named ?? known);
    return true;
  }

  #serve({ text, hostname }: Authority): void {
    this.authority = text;
    this.hostname = hostname;
  }

  #readFraming(length: number, coding: number): boolean {
    const { lines } = this;
    this.body = 'none';
    this.contentLength = 0;
    this.isFramingRewritten = false;
    if (coding !== -1) {
      if (length !== -1) return this.#fail('cl_te');
      if (this.minorVersion === 0) return this.#fail('te_http10');
      const fault = transferEncodingFault(lines, coding);
      if (fault !== undefined) return this.#fail(fault);
      this.#rewriteUnlessPlain(coding);
      this.body = 'chunked';
    } else if (length !== -1) {
      this.contentLength = readContentLength(lines, length);
      if (this.contentLength === -1) return this.#fail('cl_invalid');
      this.#rewriteUnlessPlain(length);
      this.body = 'length';
    }
    return true;
  }

  #rewriteUnlessPlain(framing: number): void {
    if (this.lines.isPlain(framing)) return;
    this.lines.fates[framing] = Fate.Rewritten;
    this.isFramingRewritten = true;
  }
}
