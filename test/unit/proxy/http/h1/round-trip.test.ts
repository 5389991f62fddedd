import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ResponseHead } from '../../../../../proxy/http/h1/response-head.ts';
import { writeResponseHead } from '../../../../../proxy/http/h1/write-response.ts';
import { type ReadRequest, readRequests } from '../../../../support/http/read-requests.ts';

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,12}$/).map((text) => `X-${text}`);
const value = fc.stringMatching(/^(?:[!-~\u0080-\u00ff](?:[\t -~\u0080-\u00ff]{0,20}[!-~\u0080-\u00ff])?)?$/);
const header = fc.record({
  name,
  before: fc.constantFrom('', ' ', ' ', ' ', '\t '),
  value,
  after: fc.constantFrom('', '', ' ', '\t'),
});
const content = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const body = fc.oneof(
  fc.constant({ lines: [] as string[], bytes: '', content: '' }),
  content.map((text) => ({ lines: [`Content-Length: ${text.length}`], bytes: text, content: text })),
  fc
    .array(
      content.filter((text) => text !== ''),
      { maxLength: 4 },
    )
    .map((chunks) => ({
      lines: ['Transfer-Encoding: chunked'],
      bytes: `${chunks.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join('')}0\r\n\r\n`,
      content: chunks.join(''),
    })),
);
const request = fc.record({
  method: fc.constantFrom('GET', 'POST', 'DELETE', 'PROPFIND'),
  path: fc.stringMatching(/^(?:\/[A-Za-z0-9_~!$&'()*+,;=:@|^-]{1,8}){0,4}\/?$/).map((path) => path || '/'),
  query: fc.stringMatching(/^(?:\?[A-Za-z0-9=&%/?.-]{0,20})?$/),
  headers: fc.array(header, { maxLength: 5 }),
  body,
});
type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;

function write({ method, path, query, headers, body }: Request): string {
  const lines = headers.map(({ name, before, value, after }) => `${name}:${before}${value}${after}`);
  const all = ['Host: shop.example.com', ...lines, ...body.lines];
  return `${method} ${path}${query} HTTP/1.1\r\n${all.map((line) => `${line}\r\n`).join('')}\r\n${body.bytes}`;
}

/** A message as a backend reads it, without what the proxy adds. */
function essence({ method, target, authority, content, headers }: ReadRequest): object {
  const added = new Set(['x-request-id', 'via', 'content-length', 'transfer-encoding', 'host']);
  return { method, target, authority, content, headers: headers.filter(([name]) => !added.has(name)) };
}

function pieces(text: string, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts.filter((cut) => cut <= text.length).toSorted((a, b) => a - b), text.length];
  return ends.map((end, i) => Buffer.from(text.slice(i === 0 ? 0 : ends[i - 1], end), 'latin1'));
}

describe('a stream of requests', () => {
  it('is read as it was written, and forwarded as it was read', () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 3 }), (requests) => {
        const read = readRequests([Buffer.from(requests.map(write).join(''), 'latin1')]);
        expect(read.fault).toBeUndefined();
        expect(read.requests.map(({ method, target, content }) => ({ method, target, content }))).toEqual(
          requests.map(({ method, path, query, body }) => ({
            method,
            target: path + query,
            content: body.content,
          })),
        );
        const again = readRequests([
          Buffer.from(read.requests.map(({ forwarded }) => forwarded).join(''), 'latin1'),
        ]);
        expect(again.fault).toBeUndefined();
        expect(again.requests.map(essence)).toEqual(read.requests.map(essence));
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  // A35
  it('means the same in every way that it can be cut into pieces', () => {
    fc.assert(
      fc.property(
        fc.array(request, { minLength: 1, maxLength: 2 }),
        fc.array(fc.nat(300), { maxLength: 8 }),
        (requests, cuts) => {
          const text = requests.map(write).join('');
          const whole = readRequests([Buffer.from(text, 'latin1')]);
          expect(readRequests(pieces(text, cuts))).toEqual(whole);
          expect(readRequests(Array.from(text, (byte) => Buffer.from(byte, 'latin1')))).toEqual(whole);
        },
      ),
      { seed: 5, numRuns: 150 },
    );
  });

  // A35
  it('means the same at every single split point of a chunked POST', () => {
    const text =
      'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x="y"\r\nhello\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nX-T: 1\r\n\r\nGET /b HTTP/1.1\r\nHost: b\r\n\r\n';
    const whole = readRequests([Buffer.from(text)]);
    expect(whole.requests.map(({ content }) => content)).toEqual(['helloabcdefghijklmnopqrstuvwxyz', '']);
    for (let first = 1; first < text.length; first++) {
      expect(readRequests(pieces(text, [first]))).toEqual(whole);
      expect(readRequests(pieces(text, [first, first + 1, first + 3]))).toEqual(whole);
    }
  });
});

describe('a response', () => {
  it('is passed on as it was read', () => {
    const line = header.map(({ name, before, value, after }) => `${name}:${before}${value}${after}\r\n`);
    const framing = fc.constantFrom(
      'Content-Length: 7\r\n',
      'Content-Length:\t7 \r\n',
      'Transfer-Encoding: chunked\r\n',
      '',
    );
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 5 }),
        framing,
        fc.constantFrom('200 OK', '404', '301 '),
        (lines, framing, status) => {
          const read = (text: string) => {
            const bytes = Buffer.from(text, 'latin1');
            const head = new ResponseHead();
            expect(head.parse(bytes, 0, bytes.length, 'GET')).toBe(bytes.length);
            return head;
          };
          const first = read(`HTTP/1.1 ${status}\r\n${lines.join('')}${framing}\r\n`);
          const again = read(writeResponseHead(first, { minorVersion: 1, keepAlive: true }));
          const isOwn = (name: string) => name === 'content-length' || name === 'transfer-encoding';
          const headers = ({ lines }: ResponseHead) =>
            Array.from({ length: lines.count }, (_, i) => [lines.name(i), lines.value(i)]).filter(
              ([name]) => !isOwn(name!),
            );
          expect(headers(again)).toEqual(headers(first));
          expect([again.status, again.reason, again.contentLength]).toEqual([
            first.status,
            first.reason,
            first.contentLength,
          ]);
          expect(again.body).toBe(first.body === 'until-close' ? 'chunked' : first.body);
        },
      ),
      { seed: 9, numRuns: 300 },
    );
  });
});
