import type { HttpVersion } from '../../observe/traffic-record.ts';
import type { RequestView } from '../request-view.ts';
import { normalisePath } from '../normalise-path.ts';
import { AuthorityCache } from './authority-cache.ts';
import { CLASS, CR, LF, PATH, PERCENT, QUERY, SLASH, SLASH_OR_DOT, SP, TAB, TOKEN } from './byte-class.ts';
import { CLOSE, KEEP_ALIVE, readConnectionOptions, UPGRADE } from './connection-options.ts';
import { type Fault, INCOMPLETE, REFUSED } from './fault.ts';
import { readContentLength, transferEncodingFault } from './framing.ts';
import { HeaderId } from './header-id.ts';
import { Fate, HeaderLines } from './header-lines.ts';
import { latin1 } from './latin1.ts';
import { MAX_METHOD_BYTES, MAX_REQUEST_HEAD_BYTES, MAX_TARGET_BYTES } from './limits.ts';

export type RequestBody = 'none' | 'length' | 'chunked';

/** What ends a request line; other digits are looked at. */
const VERSION = 'HTTP/1.1\r\n';
/** What a method may be called: as the resource allows it in routes. */
const METHOD_NAME = /^[A-Z][A-Z-]*$/;
const ABSOLUTE_FORM = /^https?:\/\/([^/?]+)(\/[^?]*)?(\?.*)?$/i;
const OUR_VIA = /(?:^|[\s,])(?:1\.[01]|2) evenkeel(?=$|[\s,])/g;
const REQUEST_ID = /^[\w.:/+=@-]{1,128}$/;

const GET = 0x47455420;
const POST = 0x504f5354;
const HEAD = 0x48454144;
const PUT = 0x50555420;

/**
 * One HTTP/1.0 or 1.1 request head (RFC 9112), read strictly. An instance is reused from head to head: what it says
 * holds until the next `parse`, and its lines no longer than the bytes that were parsed stay as they are; `keep`
 * makes a lasting copy. After a refused or incomplete parse it means nothing, apart from `fault`.
 */
export class RequestHead implements RequestView {
  method = '';
  hostname = '';
  /** Host and port as the client named them: the Host that a backend gets. Empty for HTTP/1.0 without Host. */
  authority = '';
  path = '';
  query = '';
  /** What a backend gets as target: normalised path and query, or `*`; `path` is `/` then. */
  target = '';
  /** Did the target come in this very form? */
  isTargetPlain = true;
  /** 2: the head was written for this parser out of one that came in over HTTP/2. */
  readonly majorVersion: 1 | 2;
  /** 0 or 1 of `HTTP/1.x`. */
  minorVersion = 1;
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
  #absoluteForm = false;

  constructor(majorVersion: 1 | 2 = 1, lines = new HeaderLines(), authorities = new AuthorityCache()) {
    this.majorVersion = majorVersion;
    this.lines = lines;
    this.#authorities = authorities;
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
    const copy = new RequestHead(this.majorVersion, this.lines.keep(), this.#authorities);
    copy.hasUnderscores = this.hasUnderscores;
    copy.method = this.method;
    copy.hostname = this.hostname;
    copy.authority = this.authority;
    copy.path = this.path;
    copy.query = this.query;
    copy.target = this.target;
    copy.isTargetPlain = this.isTargetPlain;
    copy.isFramingRewritten = this.isFramingRewritten;
    copy.minorVersion = this.minorVersion;
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
    const linesStart = this.#parseRequestLine(bytes, base, limit);
    if (linesStart === REFUSED) return REFUSED;
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

  #parseRequestLine(bytes: Buffer, start: number, end: number): number {
    let pos = start;
    while (pos < end && (CLASS[bytes[pos]!]! & TOKEN) !== 0) pos++;
    if (pos - start > MAX_METHOD_BYTES) return this.#refuse('method_unknown');
    if (pos >= end) return INCOMPLETE;
    if (pos === start || bytes[pos] !== SP) return this.#refuse(methodFault(bytes[pos]!));
    if (!this.#readMethod(bytes, start, pos)) return REFUSED;
    const targetEnd = this.#parseTarget(bytes, pos + 1, end);
    return targetEnd <= 0 ? targetEnd : this.#parseVersion(bytes, targetEnd + 1, end);
  }

  #readMethod(bytes: Buffer, start: number, end: number): boolean {
    const word =
      (bytes[start]! << 24) | (bytes[start + 1]! << 16) | (bytes[start + 2]! << 8) | bytes[start + 3]!;
    if (word === GET) this.method = 'GET';
    else if (word === POST && end - start === 4) this.method = 'POST';
    else if (word === HEAD && end - start === 4) this.method = 'HEAD';
    else if (word === PUT) this.method = 'PUT';
    else {
      this.method = latin1(bytes, start, end);
      if (this.method === 'PRI') return this.#fail('http2_preface');
      if (this.method === 'CONNECT' || this.method === 'TRACE') return this.#fail('method_refused');
      if (!METHOD_NAME.test(this.method)) return this.#fail('method_unknown');
    }
    return true;
  }

  /** Answers the position of the space behind the target. */
  #parseTarget(bytes: Buffer, start: number, end: number): number {
    if (start >= end) return INCOMPLETE;
    let pos = start;
    this.#absoluteForm = bytes[start] !== SLASH && bytes[start] !== 0x2a;
    let odd = false;
    let previous = 0;
    if (!this.#absoluteForm) {
      for (let bits = 0; pos < end && ((bits = CLASS[bytes[pos]!]!) & PATH) !== 0; pos++) {
        odd ||= (bits & PERCENT) !== 0 || ((bits & SLASH_OR_DOT) !== 0 && previous === SLASH);
        previous = bytes[pos]!;
      }
    }
    const pathEnd = pos;
    while (pos < end && (CLASS[bytes[pos]!]! & QUERY) !== 0) pos++;
    if (pos - start > MAX_TARGET_BYTES) return this.#refuse('target_too_long');
    if (pos >= end) return INCOMPLETE;
    if (bytes[pos] !== SP || pos === start) return this.#refuse(targetFault(bytes[pos]!));
    this.target = latin1(bytes, start, pos);
    this.isTargetPlain = !this.#absoluteForm;
    if (this.#absoluteForm) return this.#readAbsoluteForm() ? pos : REFUSED;
    if (bytes[start] !== SLASH) return this.#readAsterisk() ? pos : REFUSED;
    if (pathEnd === pos) {
      this.path = this.target;
      this.query = '';
    } else {
      this.path = this.target.slice(0, pathEnd - start);
      this.query = this.target.slice(pathEnd - start + 1);
    }
    return !odd || this.#normalise() ? pos : REFUSED;
  }

  #normalise(): boolean {
    const result = normalisePath(this.path);
    if ('fault' in result) return this.#fail(result.fault);
    if (result.path !== this.path) {
      this.target = result.path + this.target.slice(this.path.length);
      this.path = result.path;
      this.isTargetPlain = false;
    }
    return true;
  }

  #readAsterisk(): boolean {
    if (this.target !== '*' || this.method !== 'OPTIONS') return this.#fail('target_invalid');
    this.path = '/';
    this.query = '';
    return true;
  }

  /** RFC 9112 section 3.2.2: the authority of the target stands in for Host. */
  #readAbsoluteForm(): boolean {
    const parts = ABSOLUTE_FORM.exec(this.target);
    if (parts === null) return this.#fail('target_invalid');
    const [, authority = '', path = '/', query = ''] = parts;
    const bytes = Buffer.from(authority, 'latin1');
    const known = this.#authorities.get(bytes, 0, bytes.length);
    if (known === undefined) return this.#fail('host_invalid');
    this.authority = known.text;
    this.hostname = known.hostname;
    this.path = path;
    this.query = query.slice(1);
    this.target = path + query;
    return this.#normalise();
  }

  /** Answers the position behind the line end. */
  #parseVersion(bytes: Buffer, start: number, end: number): number {
    for (let k = 0; k < VERSION.length; k++) {
      if (start + k >= end) return INCOMPLETE;
      const byte = bytes[start + k]!;
      if (byte === VERSION.charCodeAt(k)) continue;
      if (k === 9) return this.#refuse('bare_cr');
      if (k === 8 || (k !== 5 && k !== 7) || !isDigit(byte)) return this.#refuse(versionFault(byte, k));
    }
    const minor = bytes[start + 7]!;
    if (bytes[start + 5] !== 0x31 || minor > 0x31) return this.#refuse('version_unsupported');
    this.minorVersion = minor - 0x30;
    return start + VERSION.length;
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
    if (i === -1) {
      if (this.minorVersion === 1) return this.#fail('host_missing');
      if (!this.#absoluteForm) {
        this.authority = '';
        this.hostname = '';
      }
      return true;
    }
    const known = this.#authorities.get(
      lines.bytes,
      lines.base + lines.valueStart(i),
      lines.base + lines.valueEnd(i),
    );
    if (known === undefined) return this.#fail('host_invalid');
    if (this.#absoluteForm || !lines.isPlain(i)) lines.fates[i] = Fate.Rewritten;
    if (!this.#absoluteForm) {
      this.authority = known.text;
      this.hostname = known.hostname;
    }
    return true;
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

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function methodFault(byte: number): Fault {
  return byte === SP || byte === TAB || byte === CR || byte === LF ? 'request_line' : 'method_invalid';
}

/** A line end here: there is no version (HTTP/0.9). */
function targetFault(byte: number): Fault {
  return byte === SP || byte === CR || byte === LF ? 'request_line' : 'target_invalid';
}

/** Without a version, or with two spaces before it, the line is wrong rather than the version. */
function versionFault(byte: number, at: number): Fault {
  if (at === 0 && (byte === SP || byte === CR || byte === LF)) return 'request_line';
  return at === 8 && byte === LF ? 'bare_lf' : 'version_invalid';
}
