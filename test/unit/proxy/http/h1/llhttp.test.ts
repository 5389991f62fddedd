import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../../../../proxy/http/h1/fault.ts';
import { normalisePath } from '../../../../../proxy/http/normalise-path.ts';
import { type LlhttpResult, readWithLlhttp } from '../../../../support/http/llhttp.ts';
import { type ReadResult, readRequests } from '../../../../support/http/read-requests.ts';
import { seededRng } from '../../../../support/seeded-rng.ts';

/**
 * The codec against Node's own parser (llhttp) over the same bytes. Where both take a message they must read the
 * same; where only one does, the reason is in one of these tables, and each entry must still be needed.
 */

/** We refuse, llhttp goes on. */
const STRICTER: Partial<Record<Fault, string>> = {
  method_refused: 'a tunnel or an echo of credentials is not what a load balancer is for (B06)',
  target_invalid: 'a fragment, a backslash or bytes that no browser sends raw (B07)',
  path_escape: 'escapes that servers read in different ways (B07)',
  path_dots: 'a path that leaves the root (B07)',
  target_too_long: 'llhttp leaves the size to its user',
  version_unsupported: 'HTTP/0.9 and 2.0 are versions to llhttp (A31)',
  bare_cr: 'a CR alone before the request (A13)',
  request_line: 'HTTP/0.9 without a version, or empty lines before the request (A30, A31)',
  host_missing: 'node:http checks it after its parser, and only when there is none (B01)',
  host_repeated: 'nobody checks it there (B01)',
  host_invalid: 'nobody checks it there (B01)',
  cl_invalid: 'leading zeros are passed on raw there (A05)',
  te_invalid: 'an empty coding, or identity before chunked (A07)',
  te_unsupported: 'a coding that is not relayed (A09)',
  te_repeated: 'codings on several lines (A07)',
  te_http10: 'HTTP/1.0 knows no codings (A10)',
  expect: 'node:http looks at it later (A25)',
  connection_invalid: 'an option that is no token',
  name_too_long: 'llhttp leaves the size to its user',
  too_many_headers: 'node:http cuts them off silently (A27)',
  chunk_extension: 'an extension without a name (A16)',
};

/** llhttp refuses, we go on. */
const LAXER: Record<string, string> = {
  HPE_INVALID_METHOD: 'routes may ask for any upper-case method, so any is forwarded (A33)',
  HPE_CLOSED_CONNECTION: 'Proxy-Connection: close ends a connection there; it means nothing (B13)',
  HPE_INVALID_CONTENT_LENGTH:
    'a Content-Length among the trailers, which are dropped without a look at it (A18)',
  HPE_INVALID_TRANSFER_ENCODING: 'a tab around `chunked`, which is written anew',
};

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'PROPFIND'];
const ODD_METHODS = [
  'get',
  'POSTX',
  'CONNECT',
  'TRACE',
  'PRI',
  'GE(T',
  '',
  'G\x00T',
  ' GET',
  '\r\nGET',
  '\r\n\r\nGET',
  'M'.repeat(40),
];
const TARGETS = [
  '/',
  '/a',
  '/a?b=c',
  '/a/b/c.d',
  '/a/../b',
  '/%41',
  'http://h/x?y',
  '/a?b=/../',
  '/caf%C3%A9',
];
const ODD_TARGETS = [
  '*',
  'a',
  '',
  '/#a',
  '/a?b#c',
  '/\\a',
  '/%2f',
  '/..',
  '/\xe9',
  '/\x00',
  '/a b',
  '//a',
  'ftp://h/',
  'http://u@h/',
  '/'.padEnd(9_000, 'a'),
];
const ODD_VERSIONS = [
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/1.2',
  'HTTP/2.0',
  'http/1.1',
  'HTTP/1.10',
  'HTTP/01.1',
  'HTTP/1',
  'HTTP/11',
  '',
  'HTTP/1.1 ',
];
const HEADERS = [
  'Accept: */*',
  'X-A:1',
  'X-A: 1 ',
  'Cookie: a=b; c=d',
  'User-Agent: x',
  'Connection: keep-alive',
  'X-Empty:',
  'X-Utf: \xc3\xa9',
  'Via: 1.1 a',
];
const ODD_HEADERS = [
  'X-A : 1',
  ' X-A: 1',
  'X-A: 1\r\n 2',
  'X-A: 1\n',
  'X-A: \x00',
  'X-A: a\rb',
  'X-A: \x01',
  'X-A: \x7f',
  ': a',
  'X-A',
  'X(A: 1',
  '\xe9: 1',
  'X_A: 1',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: ,chunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding:',
  'Transfer-Encoding: chunked, chunked',
  'Transfer_Encoding: chunked',
  'Content-Length: 5',
  'Content-Length: 05',
  'Content-Length: +5',
  'Content-Length: 5, 5',
  'Content-Length:',
  'Content-Length: 5 5',
  'Content-Length: 0x5',
  'Content-Length: 99999999999999999999',
  'content-length: 3',
  'Host: b',
  'Host: a,b',
  'Expect: 100-continue',
  'Expect: foo',
  'Connection: close x',
  'Proxy-Connection: close',
  'Trailer: X-T',
  'TE: trailers',
  `${'x'.repeat(300)}: 1`,
  `X-Long: ${'y'.repeat(17_000)}`,
  'a: b\r\n'.repeat(120).trim(),
];
const CHUNKED = [
  '3\r\nabc\r\n0\r\n\r\n',
  '0\r\n\r\n',
  '1;a=b\r\nx\r\n0\r\nX-T: 1\r\n\r\n',
  'A\r\n0123456789\r\n00\r\n\r\n',
];
const ODD_CHUNKED = [
  '0x1\r\na\r\n0\r\n\r\n',
  '+1\r\na\r\n0\r\n\r\n',
  '1\na\r\n0\r\n\r\n',
  '1\r\na\n0\r\n\r\n',
  '1 \r\na\r\n0\r\n\r\n',
  '1;=b\r\na\r\n0\r\n\r\n',
  '1;\r\na\r\n0\r\n\r\n',
  '1;=b\r\na\r\n0\r\n\r\n',
  '1;a\rb\r\na\r\n0\r\n\r\n',
  '1\r\nab\r\n0\r\n\r\n',
  '\r\n0\r\n\r\n',
  'g\r\n',
  '1_0\r\n',
  `${'f'.repeat(17)}\r\n`,
  '0\r\nX T: 1\r\n\r\n',
  '0\r\nX-T: \x00\r\n\r\n',
  '0\r\n\n',
  '1;a="b\r\nx\r\n0\r\n\r\n',
];

/** Bytes that mean something somewhere in a message. */
const TELLING = Array.from('\r\n \t:;,/%.?#0159afAF\x00\x7f"_');

class Generator {
  readonly #rng: () => number;

  constructor(seed: number) {
    this.#rng = seededRng(seed);
  }

  below(limit: number): number {
    return Math.floor(this.#rng() * limit);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  #odd(chance: number): boolean {
    return this.#rng() < chance;
  }

  /** One to three pipelined requests with, on the whole, about one thing out of the ordinary. */
  stream(oddness: number): string {
    return Array.from({ length: 1 + this.below(3) }, () => this.#request(oddness)).join('');
  }

  #request(oddness: number): string {
    const method = this.#odd(oddness) ? this.pick(ODD_METHODS) : this.pick(METHODS);
    const target = this.#odd(oddness) ? this.pick(ODD_TARGETS) : this.pick(TARGETS);
    const version = this.#odd(oddness) ? this.pick(ODD_VERSIONS) : 'HTTP/1.1';
    const lines = this.#odd(oddness) ? [] : ['Host: shop.example.com'];
    for (let i = this.below(4); i > 0; i--) lines.push(this.pick(HEADERS));
    let body = '';
    if (this.#odd(0.25)) {
      body = 'GET /x HTTP/1.1\r\n\r\n'.slice(0, this.below(20));
      lines.push(`Content-Length: ${body.length}`);
    } else if (this.#odd(0.4)) {
      body = this.#odd(oddness * 3) ? this.pick(ODD_CHUNKED) : this.pick(CHUNKED);
      lines.push('Transfer-Encoding: chunked');
    }
    if (this.#odd(oddness * 3)) lines.splice(this.below(lines.length + 1), 0, this.pick(ODD_HEADERS));
    const end = this.#odd(oddness) ? this.pick(['\n', '\r', '\r\r\n']) : '\r\n';
    return `${method} ${target} ${version}${end}${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`;
  }

  /** The text with a few bytes changed, inserted, repeated, removed or swapped. */
  mutate(text: string): string {
    let mutated = text;
    for (let i = 1 + this.below(3); i > 0; i--) {
      const at = this.below(mutated.length);
      const length = 1 + this.below(8);
      const byte = this.#odd(0.5) ? this.pick(TELLING) : String.fromCharCode(this.below(256));
      const before = mutated.slice(0, at);
      const after = mutated.slice(at);
      mutated = this.pick([
        before + byte + after.slice(1),
        before + byte + after,
        before + after.slice(1),
        before + after.slice(length),
        before + after.slice(0, length) + after,
        before + mutated.slice(this.below(mutated.length)).slice(0, length) + after,
      ]);
    }
    return mutated;
  }
}

type Verdict = { readonly stricter: Fault } | { readonly laxer: string } | 'same';

/** Compares both readings; throws when they read a message differently. */
function compare(text: string): Verdict {
  const bytes = Buffer.from(text, 'latin1');
  const ours = readRequests([bytes]);
  const theirs = readWithLlhttp(bytes);
  const shared = Math.min(ours.requests.length, theirs.requests.length);
  mustEqual(
    ours.requests.slice(0, shared).map(ourReading),
    theirs.requests.slice(0, shared).map(theirReading),
    text,
  );
  for (const request of ours.requests) mustBeOneMessage(request, text);
  if (ours.closed && (theirs.error === undefined || theirs.error === 'HPE_CLOSED_CONNECTION')) return 'same';
  if (ours.requests.length > shared || theirs.error === 'HPE_CLOSED_CONNECTION')
    return { laxer: theirs.error ?? 'nothing' };
  if (ours.fault !== undefined && (theirs.error === undefined || theirs.requests.length > shared)) {
    return { stricter: ours.fault };
  }
  if (ours.fault === undefined && theirs.error !== undefined) return { laxer: theirs.error };
  mustEqual(theirs.requests.length, shared, text);
  return 'same';
}

function ourReading({ method, target, headers, content }: ReadResult['requests'][number]): object {
  return { method, target, headers, content };
}

function theirReading({ method, url, headers, content }: LlhttpResult['requests'][number]): object {
  const [, path = '', query = ''] = /^(?:https?:\/\/[^/?]*)?([^?]*)(.*)$/i.exec(url)!;
  const normal = path === '*' ? { path } : normalisePath(path === '' ? '/' : path);
  return {
    method,
    target: 'path' in normal ? normal.path + query : normal,
    headers: headers.map(([name, value]) => [name, value.replace(/[ \t]+$/, '')]),
    content,
  };
}

/** A36: what goes to a backend is one message to it, with the content that we read. */
function mustBeOneMessage(request: ReadResult['requests'][number], text: string): void {
  const { requests, error } = readWithLlhttp(Buffer.from(request.forwarded, 'latin1'));
  if (error === 'HPE_INVALID_METHOD') return;
  mustEqual(
    { error, contents: requests.map(({ content }) => content) },
    { error: undefined, contents: [request.content] },
    text,
  );
}

function mustEqual(actual: unknown, expected: unknown, text: string): void {
  if (!isDeepStrictEqual(actual, expected)) expect({ text, actual }).toEqual({ text, actual: expected });
}

function collect(
  count: number,
  make: (i: number) => string,
): { stricter: Map<Fault, string>; laxer: Map<string, string>; same: number } {
  const stricter = new Map<Fault, string>();
  const laxer = new Map<string, string>();
  let same = 0;
  for (let i = 0; i < count; i++) {
    const text = make(i);
    const verdict = compare(text);
    if (verdict === 'same') same += 1;
    else if ('stricter' in verdict) stricter.set(verdict.stricter, text);
    else laxer.set(verdict.laxer, text);
  }
  return { stricter, laxer, same };
}

const unexplained = (found: ReadonlyMap<string, string>, reasons: object) =>
  [...found].filter(([key]) => !(key in reasons)).map(([key, text]) => `${key}: ${JSON.stringify(text)}`);

describe('the codec and llhttp', () => {
  // A36: also in mutated requests, no message is counted that the other does not count.
  it('read the same, but for differences that have a reason', () => {
    const made = new Generator(1);
    const mutated = new Generator(2);
    const first = collect(8_000, (i) => made.stream(i % 2 === 0 ? 0.04 : 0.15));
    const second = collect(8_000, () => mutated.mutate(mutated.stream(0)));
    const stricter = new Map([...first.stricter, ...second.stricter]);
    const laxer = new Map([...first.laxer, ...second.laxer]);
    expect(unexplained(stricter, STRICTER)).toEqual([]);
    expect(unexplained(laxer, LAXER)).toEqual([]);
    expect(Object.keys(STRICTER).filter((fault) => !stricter.has(fault as Fault))).toEqual([]);
    expect(Object.keys(LAXER).filter((code) => !laxer.has(code))).toEqual([]);
    expect(Math.min(first.same, second.same)).toBeGreaterThan(3_000);
  });
});
