import { describe, expect, it } from 'vitest';
import { trailerLines } from '../../../../../proxy/http/h2/trailers.ts';

describe('trailers of HTTP/2', () => {
  it('become lines', () => {
    expect(trailerLines(['grpc-status', '0', 'grpc-message', ''])).toBe(
      'grpc-status: 0\r\ngrpc-message: \r\n',
    );
    expect(trailerLines([])).toBe('');
  });

  it('keep every byte of a value', () => {
    expect(trailerLines(['a', 'x\u00ff\ty'])).toBe('a: x\u00ff\ty\r\n');
  });

  // A18
  it('are held back where they decide on something', () => {
    expect(trailerLines(['content-length', '5', 'authorization', 'x', 'host', 'a', 'ok', '1'])).toBe(
      'ok: 1\r\n',
    );
  });

  // A12
  it('may have an underscore in a name where a backend sent them', () => {
    const fields = ['my_key', '1', 'content_length', '5', 'x_forwarded_for', '192.0.2.1'];
    expect(trailerLines(fields, 'backend')).toBe('my_key: 1\r\n');
    expect(trailerLines(fields)).toBe('');
  });

  // E10
  it.each([
    ['a line end in a value', ['a', 'b\r\nc: d']],
    ['the end of the section in a value', ['a', 'b\r\n\r\n']],
    ['a bare line feed', ['a', 'b\nc: d']],
    ['a NUL', ['a', 'b\0']],
    ['a colon in a name', ['a: b', 'c']],
    ['a space in a name', ['a b', 'c']],
    ['no name', ['', 'b']],
    ['a pseudo-header', [':status', '200']],
    ['a capital in a name', ['A', 'b']],
    ['a space before a value', ['a', ' b']],
    ['a tab behind a value', ['a', 'b\t']],
    ['more than a section may hold', ['a', 'b'.repeat(8_192)]],
    ['more fields than a section may hold', Array.from({ length: 101 }, () => ['a', 'b']).flat()],
  ])('are malformed with %s', (_, fields) => {
    expect(trailerLines(fields)).toBeUndefined();
  });
});
