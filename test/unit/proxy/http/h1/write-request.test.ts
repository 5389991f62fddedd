import { describe, expect, it } from 'vitest';
import { RequestHead } from '../../../../../proxy/http/h1/request-head.ts';
import { type RequestChanges, writeRequestHead } from '../../../../../proxy/http/h1/write-request.ts';
import { compileHeaderEdit } from '../../../../../proxy/routing/header-edit.ts';

const FORWARDED = 'X-Forwarded-For: 192.0.2.1\r\n';

/** Start line and header lines as a backend gets them. */
function forwarded(text: string, changes: Partial<RequestChanges> = {}): string[] {
  const bytes = Buffer.from(text, 'latin1');
  const head = new RequestHead();
  expect(head.parse(bytes, 0, bytes.length)).toBe(bytes.length);
  const written = writeRequestHead(head, { forwarded: FORWARDED, requestId: 'id-1', ...changes });
  expect(written.endsWith('\r\n\r\n')).toBe(true);
  return written.slice(0, -4).split('\r\n');
}

const request = (...lines: string[]) =>
  `GET /a?b HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

const OWN = ['X-Forwarded-For: 192.0.2.1', 'X-Request-Id: id-1', 'Via: 1.1 evenkeel'];

describe('writeRequestHead', () => {
  it('copies what needs no change and adds its own', () => {
    expect(forwarded(request('User-Agent: x', 'Accept: */*'))).toEqual([
      'GET /a?b HTTP/1.1',
      'Host: a',
      'User-Agent: x',
      'Accept: */*',
      ...OWN,
    ]);
  });

  // B09, B10, B13, B14, A12
  it('leaves out what concerns this connection only, and what is ours to say', () => {
    const text = request(
      'Connection: keep-alive, X-Hop',
      'X-Keep: 1',
      'X-Hop: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'TE: gzip',
      'Trailer: X-A',
      'Upgrade: h2c',
      'HTTP2-Settings: AAA',
      'Proxy-Authorization: x',
      'Proxy: http://evil',
      'X-Forwarded-For: 198.51.100.7',
      'x-forwarded-proto: gopher',
      'X_Forwarded_For: 198.51.100.7',
      'X-Real-IP: 198.51.100.7',
      'Forwarded: for=198.51.100.7',
      'Transfer_Encoding: chunked',
      'X-Original-URL: /admin',
      'X-HTTP-Method-Override: DELETE',
    );
    expect(forwarded(text)).toEqual([
      'GET /a?b HTTP/1.1',
      'Host: a',
      'X-Keep: 1',
      'X-Original-URL: /admin',
      'X-HTTP-Method-Override: DELETE',
      ...OWN,
    ]);
  });

  // B11: a Connection header takes away nothing that we write or that guards the backend.
  it('lets Connection strip neither framing nor credentials nor our headers', () => {
    const named = 'X-Forwarded-For, X-Request-Id, Via, Host, Content-Length, Cookie, Authorization';
    expect(
      forwarded(request(`Connection: ${named}`, 'Content-Length: 0', 'Cookie: a=b', 'Authorization: x')),
    ).toEqual([
      'GET /a?b HTTP/1.1',
      'Host: a',
      'Content-Length: 0',
      'Cookie: a=b',
      'Authorization: x',
      ...OWN,
    ]);
  });

  it('keeps TE: trailers, which gRPC needs', () => {
    expect(forwarded(request('TE: trailers'))).toContain('TE: trailers');
  });

  it('writes framing anew unless it is as it would write it', () => {
    expect(forwarded(request('Content-Length:  5'))).toContain('Content-Length: 5');
    expect(forwarded(request('Content-Length:\t5 '))).toContain('Content-Length: 5');
    expect(forwarded(request('Transfer-Encoding:CHUNKED'))).toContain('Transfer-Encoding: chunked');
    expect(forwarded(request('content-length: 5'))).toContain('content-length: 5');
    for (const line of ['Content-Length: 5', 'Content-Length:  5', 'Transfer-Encoding: \tchunked']) {
      expect(
        forwarded(request(line)).filter((line) => /^(?:content-length|transfer-encoding)/i.test(line)),
      ).toHaveLength(1);
    }
  });

  it('speaks HTTP/1.1 to the backend, whatever the client speaks', () => {
    expect(forwarded('GET / HTTP/1.0\r\nUser-Agent: x\r\n\r\n')).toEqual([
      'GET / HTTP/1.1',
      'User-Agent: x',
      'Host: ',
      'X-Forwarded-For: 192.0.2.1',
      'X-Request-Id: id-1',
      'Via: 1.0 evenkeel',
    ]);
  });

  // B02, B07
  it('sends one host and the path that was matched', () => {
    expect(forwarded('GET http://B/x/../y?q HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n')).toEqual([
      'GET /y?q HTTP/1.1',
      'X-A: 1',
      'Host: B',
      ...OWN,
    ]);
    expect(forwarded('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n')[0]).toBe('OPTIONS * HTTP/1.1');
    expect(forwarded('GET / HTTP/1.1\r\nHost:  a \r\n\r\n')).toEqual(['GET / HTTP/1.1', 'Host: a', ...OWN]);
  });

  it('rewrites target and host', () => {
    expect(forwarded(request('X-A: 1'), { target: '/v2/a?b', authority: 'inner.example' })).toEqual([
      'GET /v2/a?b HTTP/1.1',
      'X-A: 1',
      'Host: inner.example',
      ...OWN,
    ]);
  });

  // A25
  it('passes on an expectation in its only form', () => {
    expect(forwarded(request('Content-Length: 5', 'Expect: 100-CONTINUE'))).toContain('Expect: 100-continue');
    expect(forwarded(request('Expect: 100-continue')).join()).not.toContain('Expect');
  });

  it('asks for a WebSocket as the client did', () => {
    const lines = forwarded(
      request('Upgrade: WebSocket', 'Connection: keep-alive, upgrade', 'Sec-WebSocket-Key: x'),
    );
    expect(lines).toEqual([
      'GET /a?b HTTP/1.1',
      'Host: a',
      'Sec-WebSocket-Key: x',
      'Connection: Upgrade',
      'Upgrade: websocket',
      ...OWN,
    ]);
  });

  it('keeps the request id and the traces it is given', () => {
    const lines = forwarded(request('X-Request-Id: mine', 'traceparent: 00-1-2-01'));
    expect(lines).toContain('X-Request-Id: mine');
    expect(lines).toContain('traceparent: 00-1-2-01');
    expect(lines).not.toContain('X-Request-Id: id-1');
  });

  it('adds itself to Via', () => {
    expect(forwarded(request('Via: 1.1 edge')).filter((line) => line.startsWith('Via'))).toEqual([
      'Via: 1.1 edge',
      'Via: 1.1 evenkeel',
    ]);
  });

  it('does what header filters say, also to its own lines', () => {
    const edit = compileHeaderEdit([
      {
        set: [
          { name: 'X-Set', value: 'new' },
          { name: 'X-Forwarded-For', value: 'hidden' },
        ],
        add: [{ name: 'X-Add', value: '2' }],
        remove: ['X-Gone', 'Via'],
      },
    ])!;
    expect(forwarded(request('X-Gone: 1', 'X-Set: old', 'X-Add: 1'), { edit })).toEqual([
      'GET /a?b HTTP/1.1',
      'Host: a',
      'X-Add: 1',
      'X-Request-Id: id-1',
      'x-set: new',
      'x-forwarded-for: hidden',
      'x-add: 2',
    ]);
  });
});
