import { isGrpcContent } from '../grpc.ts';
import { type Fault, REFUSED, requestError } from '../h1/fault.ts';
import { HeaderId, headerIdOf } from '../h1/header-id.ts';
import type { HeaderLines } from '../h1/header-lines.ts';
import { MAX_REQUEST_HEAD_BYTES } from '../h1/limits.ts';
import { RequestHead } from '../h1/request-head.ts';
import { FieldText } from './field-text.ts';
import type { Fields } from './hpack/fields.ts';

const COLON = 0x3a;
const SLASH = 0x2f;

/** Well-formed for HTTP/2, and answered like the same request over HTTP/1.1. */
const ANSWERED: ReadonlySet<Fault> = new Set(['path_escape', 'path_dots']);

/** Is a request with this fault malformed (RFC 9113 section 8.1.1)? Its stream is reset. Any other one is answered. */
export function isMalformed(fault: Fault): boolean {
  return requestError(fault) === 'DOWNSTREAM_BAD_REQUEST' && !ANSWERED.has(fault);
}

/**
 * Reads the header fields of one request by the rules of RFC 9113 section 8.3 into a `RequestHead`: written as the
 * head of an HTTP/1.1 request and read by its strict parser, so that whatever follows is the same for both, and
 * nothing goes on that was not understood. One for a worker: what `head` says holds until the next `read`.
 */
export class IncomingRequest {
  readonly head = new RequestHead(2);
  readonly #text = new FieldText(MAX_REQUEST_HEAD_BYTES);

  // Pseudo-header fields of the request that is being read.
  #method: string | undefined;
  #scheme: string | undefined;
  #path: string | undefined;
  #authority: string | undefined;
  #protocol: string | undefined;

  /**
   * Undefined: `head` has been read. Its body is `length` where one was announced, else `chunked` where one follows.
   * @param hasBody the stream did not end with them
   */
  read(fields: Fields, hasBody: boolean): Fault | undefined {
    const regular = this.#readPseudo(fields);
    if (fields.isTooLarge) return 'head_too_large';
    if (regular === -1) return 'pseudo_header';
    if (this.#method === 'CONNECT') return 'method_refused';
    const fault = this.#write(fields, regular, hasBody) ?? this.#parse();
    if (fault !== undefined) return fault;
    const { head } = this;
    if (!hasBody && head.contentLength > 0) return 'cl_mismatch';
    if (hasConnectionHeader(head.lines)) return 'connection_header';
    head.hasUnderscores = isGrpcContent(head.header('content-type')) && head.lines.showUnderscores();
    return undefined;
  }

  /** Of what was read last, also when it was refused: the answer has no content then. */
  get isHead(): boolean {
    return this.#method === 'HEAD';
  }

  /** Answers where the regular fields begin; -1: the pseudo-header fields are not what they must be. */
  #readPseudo(fields: Fields): number {
    this.#method = undefined;
    this.#scheme = undefined;
    this.#path = undefined;
    this.#authority = undefined;
    this.#protocol = undefined;
    let i = 0;
    for (; i < fields.count && fields.bytes[fields.at[i * 4]!] === COLON; i++) {
      if (!this.#takePseudo(fields, i)) return -1;
    }
    if (this.#method === 'CONNECT' && this.#protocol === undefined)
      return this.#path === undefined && this.#scheme === undefined ? i : -1;
    // Only CONNECT names a protocol, and then it is like any other request (RFC 8441 section 4).
    if (this.#protocol !== undefined && this.#method !== 'CONNECT') return -1;
    if (this.#method === undefined || (this.#scheme !== 'http' && this.#scheme !== 'https')) return -1;
    return isPath(this.#path) ? i : -1;
  }

  #takePseudo(fields: Fields, i: number): boolean {
    if (fields.nameIs(i, ':method')) {
      if (this.#method !== undefined) return false;
      this.#method = fields.value(i);
    } else if (fields.nameIs(i, ':path')) {
      if (this.#path !== undefined) return false;
      this.#path = fields.value(i);
    } else if (fields.nameIs(i, ':scheme')) {
      if (this.#scheme !== undefined) return false;
      this.#scheme = fields.value(i);
    } else if (fields.nameIs(i, ':authority')) {
      if (this.#authority !== undefined) return false;
      this.#authority = fields.value(i);
    } else if (fields.nameIs(i, ':protocol')) {
      if (this.#protocol !== undefined) return false;
      this.#protocol = fields.value(i);
    } else return false;
    return true;
  }

  /** Cookies come in crumbs, and go on in one line (RFC 9113 section 8.2.3). */
  #write(fields: Fields, start: number, hasBody: boolean): Fault | undefined {
    const text = this.#text;
    const authority = this.#authority;
    text.begin(`${this.#method!} ${this.#path!} HTTP/1.1\r\n`);
    if (authority !== undefined) text.add('host', authority);
    let cookies: string | undefined;
    let hasLength = false;
    for (let i = start; i < fields.count; i++) {
      switch (headerIdOf(fields.bytes, fields.at[i * 4]!, fields.at[i * 4 + 1]!)) {
        case HeaderId.Cookie:
          cookies = cookies === undefined ? fields.value(i) : `${cookies}; ${fields.value(i)}`;
          continue;
        case HeaderId.Host:
          if (authority === undefined) break;
          if (fields.value(i).toLowerCase() !== authority.toLowerCase()) return 'host_mismatch';
          continue;
        case HeaderId.TransferEncoding:
          // Ours frames the body. Theirs may not: a proxy before us might have believed it.
          return 'connection_header';
        case HeaderId.ContentLength:
          hasLength = true;
          break;
        default:
          break;
      }
      text.addField(fields, i);
    }
    if (cookies !== undefined) text.add('cookie', cookies);
    if (hasBody && !hasLength) text.add('transfer-encoding', 'chunked');
    return undefined;
  }

  #parse(): Fault | undefined {
    const { head } = this;
    const text = this.#text;
    if (!text.end()) return 'head_too_large';
    const taken = head.parse(text.bytes, 0, text.length);
    if (taken === REFUSED) return head.fault;
    return taken === text.length && text.isReadAs(head.lines) ? undefined : 'field_invalid';
  }
}

/** Of a request that goes to an origin: absolute path, or `*`, which the parser looks at (RFC 9113 section 8.3.1). */
function isPath(path: string | undefined): boolean {
  return path !== undefined && (path.charCodeAt(0) === SLASH || path === '*');
}

/** Fields that are about one HTTP/1.1 connection (RFC 9113 section 8.2.2). */
function hasConnectionHeader(lines: HeaderLines): boolean {
  for (let i = 0; i < lines.count; i++) {
    switch (lines.ids[i]) {
      case HeaderId.Connection:
      case HeaderId.Upgrade:
      case HeaderId.KeepAlive:
      case HeaderId.ProxyConnection:
        return true;
      case HeaderId.Te:
        if (!lines.valueIs(i, 'trailers')) return true;
        break;
      default:
        break;
    }
  }
  return false;
}
