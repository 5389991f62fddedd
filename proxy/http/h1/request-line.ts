import { normalisePath } from '../normalise-path.ts';
import type { Authority, AuthorityCache } from './authority-cache.ts';
import { CLASS, CR, LF, PATH, PERCENT, QUERY, SLASH, SLASH_OR_DOT, SP, TAB, TOKEN } from './byte-class.ts';
import { type Fault, INCOMPLETE, REFUSED } from './fault.ts';
import { latin1 } from './latin1.ts';
import { MAX_METHOD_BYTES, MAX_TARGET_BYTES } from './limits.ts';

/** What ends a request line; other digits are looked at. */
const VERSION = 'HTTP/1.1\r\n';
/** What a method may be called: as the resource allows it in routes. */
const METHOD_NAME = /^[A-Z][A-Z-]*$/;
const ABSOLUTE_FORM = /^https?:\/\/([^/?]+)(\/[^?]*)?(\?.*)?$/i;
const ASTERISK = 0x2a;

const GET = 0x47455420;
const POST = 0x504f5354;
const HEAD = 0x48454144;
const PUT = 0x50555420;

/**
 * The first line of a request (RFC 9112 section 3): method, target and version. Reused from request to request: after
 * a refused or incomplete parse it means nothing, apart from `fault`.
 */
export class RequestLine {
  method = '';
  path = '';
  query = '';
  /** Normalised path and query, or `*`; `path` is `/` then. */
  target = '';
  /** Did the target come in this very form? */
  isTargetPlain = true;
  /** 0 or 1 of `HTTP/1.x`. */
  minorVersion = 1;
  /** Of a target in absolute form. */
  authority: Authority | undefined;
  fault: Fault = 'request_line';
  readonly #authorities: AuthorityCache;

  constructor(authorities: AuthorityCache) {
    this.#authorities = authorities;
  }

  /**
   * Reads the line in `bytes[start, end)`. Answers the position behind its end, `INCOMPLETE` when more is needed, or
   * `REFUSED` and sets `fault`.
   */
  parse(bytes: Buffer, start: number, end: number): number {
    this.authority = undefined;
    let pos = start;
    while (pos < end && (CLASS[bytes[pos]!]! & TOKEN) !== 0) pos++;
    if (pos - start > MAX_METHOD_BYTES) return this.#refuse('method_unknown');
    if (pos >= end) return INCOMPLETE;
    if (pos === start || bytes[pos] !== SP) return this.#refuse(methodFault(bytes[pos]!));
    if (!this.#readMethod(bytes, start, pos)) return REFUSED;
    const targetEnd = this.#parseTarget(bytes, pos + 1, end);
    return targetEnd <= 0 ? targetEnd : this.#parseVersion(bytes, targetEnd + 1, end);
  }

  /** A copy that lasts. */
  keep(): RequestLine {
    const copy = new RequestLine(this.#authorities);
    copy.method = this.method;
    copy.path = this.path;
    copy.query = this.query;
    copy.target = this.target;
    copy.isTargetPlain = this.isTargetPlain;
    copy.minorVersion = this.minorVersion;
    copy.authority = this.authority;
    return copy;
  }

  #refuse(fault: Fault): number {
    this.fault = fault;
    return REFUSED;
  }

  #fail(fault: Fault): boolean {
    this.fault = fault;
    return false;
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
    const isAbsolute = bytes[start] !== SLASH && bytes[start] !== ASTERISK;
    let odd = false;
    let previous = 0;
    if (!isAbsolute) {
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
    this.isTargetPlain = !isAbsolute;
    if (isAbsolute) return this.#readAbsoluteForm() ? pos : REFUSED;
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
    this.authority = known;
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
