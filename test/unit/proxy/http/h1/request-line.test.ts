import { describe, expect, it } from 'vitest';
import { AuthorityCache } from '../../../../../proxy/http/h1/authority-cache.ts';
import { INCOMPLETE, REFUSED } from '../../../../../proxy/http/h1/fault.ts';
import { RequestLine } from '../../../../../proxy/http/h1/request-line.ts';

const line = new RequestLine(new AuthorityCache());

function parse(text: string): number {
  const bytes = Buffer.from(text, 'latin1');
  return line.parse(bytes, 0, bytes.length);
}

describe('RequestLine', () => {
  it.each([
    ['GET / HTTP/1.1\r\n', { method: 'GET', target: '/', path: '/', query: '', minorVersion: 1 }],
    [
      'PURGE /a?b=1 HTTP/1.0\r\n',
      { method: 'PURGE', target: '/a?b=1', path: '/a', query: 'b=1', minorVersion: 0 },
    ],
    ['OPTIONS * HTTP/1.1\r\n', { target: '*', path: '/', query: '', isTargetPlain: true }],
    ['GET /a/../b//c?d HTTP/1.1\r\n', { target: '/b/c?d', path: '/b/c', query: 'd', isTargetPlain: false }],
    [
      'GET http://A.test:8080/x?y HTTP/1.1\r\n',
      {
        target: '/x?y',
        path: '/x',
        query: 'y',
        isTargetPlain: false,
        authority: { text: 'A.test:8080', hostname: 'a.test' },
      },
    ],
    ['GET https://a.test HTTP/1.1\r\n', { target: '/', path: '/', query: '' }],
  ])('reads %j', (text, said) => {
    expect(parse(text)).toBe(text.length);
    expect(line).toMatchObject(said);
  });

  it('has an authority only where the target has', () => {
    parse('GET http://a.test/ HTTP/1.1\r\n');
    parse('GET / HTTP/1.1\r\n');
    expect(line.authority).toBeUndefined();
  });

  it('is incomplete until its last byte is there, and leaves what follows alone', () => {
    for (const text of ['DELETE /a?b HTTP/1.1\r\n', 'GET http://a.test/ HTTP/1.0\r\n']) {
      for (let end = 0; end < text.length; end += 1) expect(parse(text.slice(0, end))).toBe(INCOMPLETE);
      expect(parse(`${text}Host: a\r\n`)).toBe(text.length);
    }
  });

  it.each([
    ['PRI * HTTP/2.0\r\n', 'http2_preface'],
    ['CONNECT a:1 HTTP/1.1\r\n', 'method_refused'],
    ['get / HTTP/1.1\r\n', 'method_unknown'],
    ['GET  / HTTP/1.1\r\n', 'request_line'],
    ['GET /\r\n', 'request_line'],
    ['GET * HTTP/1.1\r\n', 'target_invalid'],
    ['GET ftp://a/ HTTP/1.1\r\n', 'target_invalid'],
    ['GET http://a_@b/ HTTP/1.1\r\n', 'host_invalid'],
    ['GET /%2e%2e/ HTTP/1.1\r\n', 'path_dots'],
    ['GET / HTTP/1.2\r\n', 'version_unsupported'],
    ['GET / HTTP/1.1\n', 'bare_lf'],
  ])('refuses %j', (text, fault) => {
    expect(parse(text)).toBe(REFUSED);
    expect(line.fault).toBe(fault);
  });
});
