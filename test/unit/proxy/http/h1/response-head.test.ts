import { describe, expect, it } from 'vitest';
import { type Fault, INCOMPLETE, REFUSED, responseError } from '../../../../../proxy/http/h1/fault.ts';
import { ResponseHead } from '../../../../../proxy/http/h1/response-head.ts';

function parse(text: string, method = 'GET'): { head: ResponseHead; taken: number } {
  const bytes = Buffer.from(text, 'latin1');
  const head = new ResponseHead();
  return { head, taken: head.parse(bytes, 0, bytes.length, method) };
}

function accepted(text: string, method = 'GET'): ResponseHead {
  const { head, taken } = parse(text, method);
  expect(taken === REFUSED ? head.fault : taken).toBe(text.length);
  return head;
}

function refused(text: string): Fault | number {
  const { head, taken } = parse(text);
  return taken === REFUSED ? head.fault : taken;
}

function response(status: string, ...lines: string[]): string {
  return `HTTP/1.1 ${status}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
}

describe('ResponseHead', () => {
  it('reads status, reason and header lines', () => {
    const text = response('404 Not Found', 'Content-Length: 5', 'X-A: 1');
    const { head, taken } = parse(`${text}hello`);
    expect(taken).toBe(text.length);
    expect(head).toMatchObject({
      status: 404,
      reason: 'Not Found',
      body: 'length',
      contentLength: 5,
      keepAlive: true,
    });
    expect(head.header('x-a')).toBe('1');
  });

  it('asks for more at every point before the end of a good head', () => {
    const text = response('200 OK', 'Content-Length: 5');
    for (let end = 0; end < text.length; end++) expect(parse(text.slice(0, end)).taken).toBe(INCOMPLETE);
  });

  it.each(['200', '200 ', '200 caf\xc3\xa9'])('takes the status %j without a proper text', (status) => {
    expect(accepted(response(status)).status).toBe(200);
  });

  it.each([
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n', 'status_line'],
    ['HTTP/2.0', 'HTTP/2.0 200 OK\r\n\r\n', 'status_line'],
    ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n', 'status_line'],
    ['status 099', response('099 x'), 'status_line'],
    ['status 600', response('600 x'), 'status_line'],
    ['status 2000', response('2000 x'), 'status_line'],
    ['status 20', response('20 OK......'), 'status_line'],
    ['two spaces', response(' 200 OK'), 'status_line'],
    ['a control character in the text', response('200 O\x00K'), 'status_line'],
    // C01
    ['a bare LF after the status', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n', 'bare_lf'],
    ['a bare LF after a header', 'HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n', 'bare_lf'],
    ['a bare CR', 'HTTP/1.1 200 OK\rX: y\r\n\r\n', 'bare_cr'],
    ['length and coding', response('200 OK', 'Content-Length: 5', 'Transfer-Encoding: chunked'), 'cl_te'],
    ['two lengths', response('200 OK', 'Content-Length: 5', 'Content-Length: 5'), 'cl_repeated'],
    ['length +5', response('200 OK', 'Content-Length: +5'), 'cl_invalid'],
    ['a list of lengths', response('200 OK', 'Content-Length: 5, 5'), 'cl_invalid'],
    [
      'a coding that is not relayed',
      response('200 OK', 'Transfer-Encoding: gzip, chunked'),
      'te_unsupported',
    ],
    ['an unknown coding', response('200 OK', 'Transfer-Encoding: identity'), 'te_invalid'],
    [
      'two codings',
      response('200 OK', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
      'te_repeated',
    ],
    ['a coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'te_http10'],
    ['a folded line', response('200 OK', 'X-A: 1', ' 2'), 'line_folding'],
    ['a space before the colon', response('200 OK', 'X-A : 1'), 'line_folding'],
    ['NUL in a value', response('200 OK', 'X-A: \x00'), 'value_invalid'],
    // C02, C17
    ['CR in a value', response('200 OK', 'Set-Cookie: a=b\rX: y'), 'bare_cr'],
    ['LF in a value', response('200 OK', 'Set-Cookie: a=b\nX: y'), 'bare_lf'],
    // C10, C17
    ['a value of 1 MiB', response('200 OK', `Set-Cookie: ${'a'.repeat(1_048_576)}`), 'head_too_large'],
    ['a status text of 1 MiB', response(`200 ${'a'.repeat(1_048_576)}`), 'head_too_large'],
    [
      'too many headers',
      response('200 OK', ...Array.from({ length: 101 }, () => 'a: b')),
      'too_many_headers',
    ],
  ])('refuses %s', (_, text, fault) => {
    expect(refused(text)).toBe(fault);
  });

  it('gives the client a 502 for it, whatever a request with that fault would get', () => {
    expect(responseError('cl_te')).toBe('UPSTREAM_PROTOCOL');
    expect(responseError('te_unsupported')).toBe('UPSTREAM_PROTOCOL');
    expect(responseError('head_too_large')).toBe('UPSTREAM_HEADERS_TOO_LARGE');
  });

  it('carries nothing over from the head before', () => {
    const head = new ResponseHead();
    const read = (text: string) => head.parse(Buffer.from(text), 0, text.length, 'GET');
    read(response('101 Switching', 'Connection: upgrade', 'Upgrade: websocket', 'Keep-Alive: timeout=9'));
    expect(head).toMatchObject({ websocket: true, keepAliveTimeout: 9 });
    read('HTTP/1.0 200\r\nContent-Length:  3\r\n\r\n');
    expect(head).toMatchObject({ isLengthRewritten: true, isStatusLinePlain: false, hasContentLength: true });
    read(response('200 OK'));
    expect(head).toMatchObject({
      websocket: false,
      keepAliveTimeout: -1,
      isLengthRewritten: false,
      isStatusLinePlain: true,
      hasContentLength: false,
      contentLength: 0,
      body: 'until-close',
    });
  });
});

describe('body of a response', () => {
  it.each([
    ['GET', '200 OK', ['Content-Length: 5'], 'length', true],
    ['GET', '200 OK', ['Transfer-Encoding: chunked'], 'chunked', true],
    ['GET', '200 OK', [], 'until-close', false],
    // C06
    ['HEAD', '200 OK', ['Content-Length: 5'], 'none', true],
    ['HEAD', '200 OK', ['Transfer-Encoding: chunked'], 'none', true],
    ['HEAD', '200 OK', [], 'none', true],
    ['GET', '304 Not Modified', ['Content-Length: 5'], 'none', true],
    ['GET', '204 No Content', [], 'none', true],
    ['GET', '204 No Content', ['Content-Length: 0'], 'none', true],
    ['GET', '204 No Content', ['Content-Length: 5'], 'none', false],
    ['GET', '204 No Content', ['Transfer-Encoding: chunked'], 'none', false],
    ['GET', '103 Early Hints', ['Link: x'], 'none', true],
    ['GET', '200 OK', ['Content-Length: 5', 'Connection: close'], 'length', false],
  ] as const)('for %s, %s and %j is %s, keep-alive %s', (method, status, lines, body, keepAlive) => {
    expect(accepted(response(status, ...lines), method)).toMatchObject({ body, keepAlive });
  });

  it('lets HTTP/1.0 keep the connection only when it says so', () => {
    expect(accepted('HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n').keepAlive).toBe(false);
    expect(accepted('HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: Keep-Alive\r\n\r\n').keepAlive).toBe(
      true,
    );
  });

  it.each([
    ['timeout=5', 5],
    ['timeout=5, max=100', 5],
    ['max=100,timeout=72', 72],
    ['timeout=x', -1],
    ['xtimeout=5', -1],
    ['', -1],
  ])('reads from Keep-Alive %j that it ends after %i s', (value, seconds) => {
    expect(accepted(response('200 OK', `Keep-Alive: ${value}`)).keepAliveTimeout).toBe(seconds);
  });

  // F02
  it.each([
    ['101 Switching Protocols', ['Connection: Upgrade', 'Upgrade: websocket'], true],
    ['101 Switching Protocols', ['Upgrade: websocket'], false],
    ['101 Switching Protocols', ['Connection: Upgrade'], false],
    ['101 Switching Protocols', ['Connection: Upgrade', 'Upgrade: h2c'], false],
    ['200 OK', ['Connection: Upgrade', 'Upgrade: websocket'], false],
  ] as const)('sees in %s with %j a WebSocket: %s', (status, lines, websocket) => {
    expect(accepted(response(status, ...lines)).websocket).toBe(websocket);
  });
});
