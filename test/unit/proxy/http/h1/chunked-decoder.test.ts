import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkedDecoder, type ChunkedOutput } from '../../../../../proxy/http/h1/chunked-decoder.ts';
import { CHUNK_END, chunkStart, lastChunk } from '../../../../../proxy/http/h1/chunk-framing.ts';
import { type Fault, REFUSED } from '../../../../../proxy/http/h1/fault.ts';
import { outputOf } from '../../../../support/http/read-requests.ts';

interface Decoded {
  readonly output: string;
  readonly taken: number;
  readonly done: boolean;
  readonly content: number;
  readonly trailers: string;
  readonly fault: Fault | undefined;
}

/** Decodes `text` in pieces that end at `cuts`; a full range table takes further calls. */
function decode(
  text: string,
  output: ChunkedOutput,
  cuts: readonly number[] = [],
  ranges?: Int32Array,
): Decoded {
  const decoder = new ChunkedDecoder(output, ranges);
  const bytes = Buffer.from(text, 'latin1');
  let result = '';
  let pos = 0;
  for (const end of [...cuts, bytes.length]) {
    while (pos < end && !decoder.done) {
      const taken = decoder.decode(bytes, pos, end);
      if (taken === REFUSED) return decoded(decoder, result, pos, decoder.fault);
      expect(taken).toBeGreaterThan(0);
      result += outputOf(decoder, bytes);
      pos += taken;
    }
  }
  return decoded(decoder, result, pos, undefined);
}

function decoded(decoder: ChunkedDecoder, output: string, taken: number, fault: Fault | undefined): Decoded {
  return {
    output,
    taken,
    done: decoder.done,
    content: decoder.contentBytes,
    trailers: decoder.trailers,
    fault,
  };
}

/** The fault of a body, which is the same in one piece and byte by byte. */
function faultOf(text: string): Fault | undefined {
  const whole = decode(text, 'framed').fault;
  const bytewise = decode(
    text,
    'framed',
    Array.from({ length: text.length }, (_, i) => i),
  ).fault;
  expect(bytewise).toBe(whole);
  return whole;
}

const END = '0\r\n\r\n';

describe('ChunkedDecoder', () => {
  it('passes a canonical body on as one range of the input', () => {
    const decoder = new ChunkedDecoder('framed');
    const bytes = Buffer.from(`..5\r\nhello\r\n1A\r\n${'x'.repeat(26)}\r\n${END}GET /`);
    expect(decoder.decode(bytes, 2, bytes.length)).toBe(bytes.length - 7);
    expect(decoder).toMatchObject({ done: true, rangeCount: 1, before: '', after: '', contentBytes: 31 });
    expect([...decoder.ranges.subarray(0, 2)]).toEqual([2, bytes.length - 5]);
  });

  it('gives the content alone when that is asked for', () => {
    expect(decode(`5\r\nhello\r\n3;a=b\r\n, w\r\n${END}`, 'content')).toMatchObject({
      output: 'hello, w',
      content: 8,
      done: true,
    });
  });

  it('leaves out leading zeros and extensions', () => {
    expect(decode('0005\r\nhello\r\n3;a;b="c;\\"d";e=f\r\nabc\r\n00\r\n\r\n', 'framed').output).toBe(
      `5\r\nhello\r\n3\r\nabc\r\n${END}`,
    );
  });

  it('stops at the end of the body', () => {
    const body = `1\r\na\r\n${END}`;
    expect(decode(`${body}1\r\nb\r\n`, 'framed')).toMatchObject({ taken: body.length, done: true });
  });

  it('is not done before the last byte', () => {
    const body = `1\r\na\r\n${END}`;
    for (let end = 0; end < body.length; end++) expect(decode(body.slice(0, end), 'framed').done).toBe(false);
  });

  // A15
  it.each([
    '0x1',
    '+1',
    '-1',
    '1_0',
    ' 1',
    '',
    '1 ',
    '\t1',
    'g',
    '1.',
    'f'.repeat(17),
    'f'.repeat(14),
    '0'.repeat(14),
  ])('refuses the chunk size %j', (size) => {
    expect(faultOf(`${size}\r\na\r\n${END}`)).toBe('chunk_size');
  });

  // A16
  it.each([
    ['a size that ends in LF', `1\na\r\n${END}`, 'bare_lf'],
    ['a size that ends in CR alone', `1\ra\r\n${END}`, 'bare_cr'],
    ['content that ends in LF', `1\r\na\n${END}`, 'chunk_end'],
    ['content that ends in CR alone', `1\r\na\r${END}`, 'chunk_end'],
    ['content longer than its size', `1\r\nab\r\n${END}`, 'chunk_end'],
    ['content shorter than its size', `3\r\nab\r\n${END}`, 'chunk_end'],
    ['CR before an extension', `5\r\r;a\r\nhello\r\n${END}`, 'bare_cr'],
    ['LF in an extension', `5;a\nb\r\nhello\r\n${END}`, 'chunk_extension'],
    ['CR in an extension', `5;a\rb\r\nhello\r\n${END}`, 'bare_cr'],
    ['LF in quoted text', `5;a="\n"\r\nhello\r\n${END}`, 'chunk_extension'],
    ['CR in quoted text', `5;a="\r\n"\r\nhello\r\n${END}`, 'chunk_extension'],
    ['CR after a backslash', `5;a="\\\r\nhello\r\n${END}`, 'chunk_extension'],
    ['NUL in an extension', `5;a\x00\r\nhello\r\n${END}`, 'chunk_extension'],
    ['a bare semicolon', `5;\r\nhello\r\n${END}`, 'chunk_extension'],
    ['an extension without a name', `5;=a\r\nhello\r\n${END}`, 'chunk_extension'],
    ['an extension with a space in it', `5;a b\r\nhello\r\n${END}`, 'chunk_extension'],
    ['an extension with an empty value', `5;a=\r\nhello\r\n${END}`, 'chunk_extension'],
    ['an extension with two values', `5;a=b=c\r\nhello\r\n${END}`, 'chunk_extension'],
    ['an extension that goes on after its quotes', `5;a="b"c\r\nhello\r\n${END}`, 'chunk_extension'],
    ['an extension after a space', `5 ;a\r\nhello\r\n${END}`, 'chunk_size'],
    ['a bare LF at the end', '0\r\n\n', 'trailer_invalid'],
    ['a bare CR at the end', '0\r\n\rX', 'bare_cr'],
  ])('refuses %s', (_, text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });

  // A17: what extensions may weigh holds for the body, however they are spread.
  it('bounds all extensions together', () => {
    expect(faultOf(`1;${'a'.repeat(65_536)}\r\na\r\n${END}`)).toBe('chunk_extension_too_large');
    const chunk = `1;${'a'.repeat(1_023)}\r\nx\r\n`;
    expect(decode(chunk.repeat(16) + END, 'framed')).toMatchObject({ done: true, content: 16 });
    expect(decode(chunk.repeat(10_000) + END, 'framed')).toMatchObject({
      fault: 'chunk_extension_too_large',
    });
  });

  // A18
  it('drops trailers that may not come late', () => {
    const dropped = [
      'Content-Length: 5',
      'Transfer-Encoding: chunked',
      'Host: b',
      'Authorization: x',
      'X-Forwarded-For: 192.0.2.1',
      'Cookie: a=b',
      'Content-Type: text/html',
      'Content_Length: 5',
      'If-Match: x',
      'Connection: close',
    ];
    const body = `1\r\na\r\n0\r\n${dropped.map((line) => `${line}\r\n`).join('')}X-Checksum: abc\r\n\r\n`;
    expect(decode(body, 'framed')).toMatchObject({
      output: '1\r\na\r\n0\r\nX-Checksum: abc\r\n\r\n',
      trailers: 'X-Checksum: abc\r\n',
      done: true,
    });
    expect(decode(body, 'content')).toMatchObject({ output: 'a', trailers: 'X-Checksum: abc\r\n' });
  });

  it.each([
    ['a name with a space', '0\r\nX-A : 1\r\n\r\n'],
    ['a folded line', '0\r\nX-A: 1\r\n 2\r\n\r\n'],
    ['a bare LF', '0\r\nX-A: 1\n\r\n'],
    ['NUL', '0\r\nX-A: \x00\r\n\r\n'],
    ['no colon', '0\r\nGET / HTTP/1.1\r\n\r\n'],
  ])('refuses trailers with %s', (_, text) => {
    expect(faultOf(text)).toBe('trailer_invalid');
  });

  // A19
  it('bounds the trailer section', () => {
    expect(faultOf(`0\r\nX-A: ${'a'.repeat(8_192)}\r\n\r\n`)).toBe('trailer_too_large');
    expect(faultOf(`0\r\nX-A: ${'a'.repeat(9_000)}`)).toBe('trailer_too_large');
    expect(faultOf(`0\r\n${'a: b\r\n'.repeat(101)}\r\n`)).toBe('trailer_too_large');
    expect(faultOf(`0\r\n${'a: b\r\n'.repeat(100)}\r\n`)).toBeUndefined();
  });

  it('takes many scattered chunks in several calls', () => {
    const body = '2;a\r\nxy\r\n'.repeat(2_000) + END;
    const decoder = new ChunkedDecoder('framed');
    expect(decoder.decode(Buffer.from(body), 0, body.length)).toBeLessThan(body.length);
    expect(decode(body, 'framed').output).toBe('2\r\nxy\r\n'.repeat(2_000) + END);
    expect(decode(body, 'content').output).toBe('xy'.repeat(2_000));
  });

  const extension = fc.constantFrom('', '', ';a', ';a=b', ';a="b;\\"c"');
  const chunk = fc.record({
    content: fc.string({ minLength: 1, maxLength: 40 }).map((text) => Buffer.from(text).toString('latin1')),
    zeros: fc.constantFrom('', '', '0', '00'),
    upper: fc.boolean(),
    extension,
  });
  const body = fc.record({
    chunks: fc.array(chunk, { maxLength: 6 }),
    trailer: fc.constantFrom('', 'X-A: 1\r\n', 'Host: b\r\nX-B: 2\r\n'),
  });

  it('gives the same output for every way to cut a body into pieces', () => {
    fc.assert(
      fc.property(body, fc.array(fc.nat(200), { maxLength: 12 }), ({ chunks, trailer }, cuts) => {
        let text = '';
        let canonical = '';
        for (const { content, zeros, upper, extension } of chunks) {
          const hex = content.length.toString(16);
          text += `${zeros}${upper ? hex.toUpperCase() : hex}${extension}\r\n${content}\r\n`;
          canonical += chunkStart(content.length) + content + CHUNK_END;
        }
        const kept = trailer.replace(/Host.*\r\n/, '');
        text += `0\r\n${trailer}\r\n`;
        canonical += lastChunk(kept);
        const sorted = cuts.filter((cut) => cut < text.length).toSorted((a, b) => a - b);
        for (const pieces of [[], sorted, Array.from({ length: text.length }, (_, i) => i)]) {
          const framed = decode(text, 'framed', pieces, new Int32Array(12));
          expect(framed).toMatchObject({ done: true, taken: text.length, trailers: kept, fault: undefined });
          expect(framed.output.toLowerCase()).toBe(canonical.toLowerCase());
          expect(decode(text, 'content', pieces).output).toBe(chunks.map(({ content }) => content).join(''));
        }
      }),
      { seed: 11, numRuns: 300 },
    );
  });
});
