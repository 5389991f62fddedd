import { describe, expect, it } from 'vitest';
import { INCOMPLETE, REFUSED } from '../../../../../proxy/http/h1/fault.ts';
import { RequestHead } from '../../../../../proxy/http/h1/request-head.ts';

function parse(text: string): { head: RequestHead; taken: number } {
  const bytes = Buffer.from(text, 'latin1');
  const head = new RequestHead();
  return { head, taken: head.parse(bytes, 0, bytes.length) };
}

describe('RequestHead', () => {
  it('reads a request line, the host and the framing', () => {
    const text = 'POST /a/b?x=1 HTTP/1.1\r\nHost: Shop.Example.com:8080\r\nContent-Length: 5\r\n\r\n';
    const { head, taken } = parse(`${text}hello`);
    expect(taken).toBe(text.length);
    expect(head).toMatchObject({
      method: 'POST',
      path: '/a/b',
      query: 'x=1',
      target: '/a/b?x=1',
      hostname: 'shop.example.com',
      authority: 'Shop.Example.com:8080',
      body: 'length',
      contentLength: 5,
      keepAlive: true,
    });
    expect(head.header('host')).toBe('Shop.Example.com:8080');
  });

  it('asks for more until the head is complete', () => {
    const text = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    for (let end = 0; end < text.length; end++) expect(parse(text.slice(0, end)).taken).toBe(INCOMPLETE);
    expect(parse(text).head.keepAlive).toBe(false);
  });

  it('refuses Content-Length beside Transfer-Encoding', () => {
    const { head, taken } = parse(
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    expect(taken).toBe(REFUSED);
    expect(head.fault).toBe('cl_te');
  });
});
