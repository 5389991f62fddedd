import { describe, expect, it } from 'vitest';
import { mayBeRequest } from '../../../../../proxy/http/h1/disguise.ts';

describe('mayBeRequest', () => {
  it.each([
    ['GET /admin HTTP/1.1\r\n', true],
    ['\r\n\r\nGET /admin', true],
    [' GET /admin', true],
    ['get\t/admin', true],
    ['X', true],
    ['\r\n', true],
    ['hello world', true],
    ['{"GET /admin": 1}', false],
    ['[1, 2]', false],
    ['a=b&c=d', false],
    ['--boundary\r\nGET / HTTP/1.1', false],
    ['<a b>', false],
    ['hello,', false],
    ['\x00\x00\x00\x05 ', false],
    ['GET\x00/ ', false],
  ])('says of %j: %s', (text, expected) => {
    const bytes = Buffer.from(`xx${text}xx`, 'latin1');
    expect(mayBeRequest(bytes, 2, bytes.length - 2)).toBe(expected);
  });
});
