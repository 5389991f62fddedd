import { describe, expect, it } from 'vitest';
import { readTrailers } from '../../../../../proxy/http/h2/trailers.ts';
import { unpacked } from '../../../../support/http2/unpacked.ts';

type Pairs = readonly (readonly [name: string, value: string])[];

function read(pairs: Pairs, from: 'client' | 'backend' = 'client'): string | undefined {
  return readTrailers(unpacked(pairs), from);
}

describe('trailers of HTTP/2', () => {
  it('become lines', () => {
    expect(
      read([
        ['grpc-status', '0'],
        ['grpc-message', ''],
      ]),
    ).toBe('grpc-status: 0\r\ngrpc-message: \r\n');
    expect(read([])).toBe('');
  });

  it('keep every byte of a value', () => {
    expect(read([['a', 'x\u00ff\ty']])).toBe('a: x\u00ff\ty\r\n');
  });

  // A18
  it('are held back where they decide on something', () => {
    const pairs: Pairs = [
      ['content-length', '5'],
      ['authorization', 'x'],
      ['host', 'a'],
      ['ok', '1'],
    ];
    expect(read(pairs)).toBe('ok: 1\r\n');
  });

  // A12
  it('may have an underscore in a name where a backend sent them', () => {
    const pairs: Pairs = [
      ['my_key', '1'],
      ['content_length', '5'],
      ['x_forwarded_for', '192.0.2.1'],
    ];
    expect(read(pairs, 'backend')).toBe('my_key: 1\r\n');
    expect(read(pairs)).toBe('');
  });

  // E10
  it.each<[what: string, pairs: Pairs]>([
    ['a line end in a value', [['a', 'b\r\nc: d']]],
    ['the end of the section in a value', [['a', 'b\r\n\r\n']]],
    ['a bare line feed', [['a', 'b\nc: d']]],
    ['a NUL', [['a', 'b\0']]],
    ['a colon in a name', [['a: b', 'c']]],
    ['a space in a name', [['a b', 'c']]],
    ['no name', [['', 'b']]],
    ['a pseudo-header', [[':status', '200']]],
    ['a capital in a name', [['A', 'b']]],
    ['a space before a value', [['a', ' b']]],
    ['a tab behind a value', [['a', 'b\t']]],
    ['more than a section may hold', [['a', 'b'.repeat(8_192)]]],
    ['more fields than a section may hold', Array.from({ length: 101 }, () => ['a', 'b'] as const)],
  ])('are malformed with %s', (_, pairs) => {
    expect(read(pairs)).toBeUndefined();
  });
});
