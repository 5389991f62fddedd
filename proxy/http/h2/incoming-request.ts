import { isGrpcContent } from '../grpc.ts';
import { type Fault, REFUSED, requestError } from '../h1/fault.ts';
import { HeaderId } from '../h1/header-id.ts';
import type { HeaderLines } from '../h1/header-lines.ts';
import { MAX_REQUEST_HEAD_BYTES } from '../h1/limits.ts';
import { RequestHead } from '../h1/request-head.ts';
import { FieldText } from './field-text.ts';

/** Well-formed for HTTP/2, and answered like the same request over HTTP/1.1. */
const ANSWERED: ReadonlySet<Fault> = new Set(['path_escape', 'path_dots', 'host_missing']);

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
  readonly #text = new FieldText();
  readonly #bytes = Buffer.allocUnsafeSlow(MAX_REQUEST_HEAD_BYTES);

  // Pseudo-header fields of the request that is being read.
  #method: string | undefined;
  #scheme: string | undefined;
  #path: string | undefined;
  #authority: string | undefined;

  /**
   * Undefined: `head` has been read. Its body is `length` where one was announced, else `chunked` where one follows.
   *
   * @param fields name, value, name, value, as they came
   * @param hasBody the stream did not end with them
   */
  read(fields: readonly string[], hasBody: boolean): Fault | undefined {
    const regular = this.#readPseudo(fields);
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

  /** Of what was read last, about, in text. */
  get size(): number {
    return this.#text.text.length;
  }

  /** Answers where the regular fields begin; -1: the pseudo-header fields are not what they must be. */
  #readPseudo(fields: readonly string[]): number {
    this.#method = undefined;
    this.#scheme = undefined;
    this.#path = undefined;
    this.#authority = undefined;
    let i = 0;
    for (; i < fields.length && fields[i]!.charCodeAt(0) === 0x3a; i += 2) {
      if (!this.#takePseudo(fields[i]!, fields[i + 1]!)) return -1;
    }
    if (this.#method === 'CONNECT') return this.#path === undefined && this.#scheme === undefined ? i : -1;
    if (this.#method === undefined || (this.#scheme !== 'http' && this.#scheme !== 'https')) return -1;
    return isPath(this.#path) ? i : -1;
  }

  #takePseudo(name: string, value: string): boolean {
    switch (name) {
      case ':method':
        if (this.#method !== undefined) return false;
        this.#method = value;
        return true;
      case ':scheme':
        if (this.#scheme !== undefined) return false;
        this.#scheme = value;
        return true;
      case ':path':
        if (this.#path !== undefined) return false;
        this.#path = value;
        return true;
      case ':authority':
        if (this.#authority !== undefined) return false;
        this.#authority = value;
        return true;
      default:
        return false;
    }
  }

  /** Cookies come in crumbs, and go on in one line (RFC 9113 section 8.2.3). */
  #write(fields: readonly string[], start: number, hasBody: boolean): Fault | undefined {
    const text = this.#text;
    const authority = this.#authority;
    text.begin(`${this.#method!} ${this.#path!} HTTP/1.1\r\n`);
    if (authority !== undefined) text.add('host', authority);
    let cookies: string | undefined;
    let hasLength = false;
    for (let i = start; i < fields.length; i += 2) {
      const name = fields[i]!;
      const value = fields[i + 1]!;
      if (name === 'cookie') cookies = cookies === undefined ? value : `${cookies}; ${value}`;
      else if (name === 'host' && authority !== undefined) {
        if (value.toLowerCase() !== authority.toLowerCase()) return 'host_mismatch';
      } else {
        // Ours frames the body. Theirs may not: a proxy before us might have believed it.
        if (name === 'transfer-encoding') return 'connection_header';
        hasLength ||= name === 'content-length';
        text.add(name, value);
      }
    }
    if (cookies !== undefined) text.add('cookie', cookies);
    if (hasBody && !hasLength) text.add('transfer-encoding', 'chunked');
    return undefined;
  }

  #parse(): Fault | undefined {
    const { head } = this;
    const text = `${this.#text.text}\r\n`;
    if (text.length > this.#bytes.length) return 'head_too_large';
    const end = this.#bytes.write(text, 0, 'latin1');
    const taken = head.parse(this.#bytes, 0, end);
    if (taken === REFUSED) return head.fault;
    return taken === end && this.#text.isReadAs(head.lines) ? undefined : 'field_invalid';
  }
}

/** Of a request that goes to an origin: absolute path, or `*`, which the parser looks at (RFC 9113 section 8.3.1). */
function isPath(path: string | undefined): boolean {
  return path !== undefined && (path.charCodeAt(0) === 0x2f || path === '*');
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
