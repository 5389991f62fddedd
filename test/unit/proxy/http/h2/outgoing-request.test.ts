import { describe, expect, it } from 'vitest';
import { HpackEncoder } from '../../../../../proxy/http/h2/hpack/encoder.ts';
import { type Scheme, writeRequest } from '../../../../../proxy/http/h2/outgoing-request.ts';
import { BlockReader } from '../../../../support/http2/field-blocks.ts';

const encoder = new HpackEncoder();
const reader = new BlockReader();

/** The fields of a request with this head, on one connection after the other. */
function written(lines: readonly string[], scheme: Scheme = 'http') {
  encoder.begin();
  const isChunked = writeRequest(encoder, [...lines, '', ''].join('\r\n'), scheme);
  const fields = reader.read(Buffer.from(encoder.bytes.subarray(0, encoder.length)));
  return { isChunked, fields };
}

describe('a request for HTTP/1.1, written for HTTP/2', () => {
  it('begins with its pseudo-header fields, wherever its Host is', () => {
    const lines = ['GET /a?b=c HTTP/1.1', 'X-One: 1', 'HOST: shop.example.com', 'x-two:  2 '];
    expect(written(lines)).toEqual({
      isChunked: false,
      fields: [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':authority', 'shop.example.com'],
        [':path', '/a?b=c'],
        ['x-one', '1'],
        ['x-two', '2'],
      ],
    });
  });

  it('says when its body is in chunks, and that it is in nothing else', () => {
    const lines = ['POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'TE: trailers'];
    expect(written(lines, 'https')).toEqual({
      isChunked: true,
      fields: [
        [':method', 'POST'],
        [':scheme', 'https'],
        [':authority', 'a'],
        [':path', '/'],
        ['te', 'trailers'],
      ],
    });
  });

  it.each(['Connection: upgrade', 'Keep-Alive: timeout=5', 'Proxy-Connection: close', 'Upgrade: websocket'])(
    'says nothing about one connection: %s',
    (line) => {
      expect(written(['GET / HTTP/1.1', 'Host: a', line]).fields).toHaveLength(4);
    },
  );

  it('keeps every byte of a value, an empty one, and fields that come twice', () => {
    const lines = ['GET / HTTP/1.1', 'Host: a', 'x: \xe9\xff:\t;', 'x:', 'x: \xe9\xff:\t;'];
    const { fields } = written(lines);
    expect(fields!.slice(4)).toEqual([
      ['x', '\xe9\xff:\t;'],
      ['x', ''],
      ['x', '\xe9\xff:\t;'],
    ]);
  });

  it('may be larger than any before, and have more lines', () => {
    const lines = Array.from({ length: 300 }, (_, i) => `x-${i}: ${'y'.repeat(100)}`);
    expect(written(['GET / HTTP/1.1', 'Host: a', ...lines]).fields).toHaveLength(304);
    expect(written(['GET / HTTP/1.1', 'Host: a']).fields).toHaveLength(4);
  });
});
