import { describe, expect, it } from 'vitest';
import { writeLocalReply } from '../../../../../proxy/http/h1/local-reply.ts';
import { ResponseHead } from '../../../../../proxy/http/h1/response-head.ts';
import {
  type ResponseChanges,
  responseBodyFor,
  writeResponseHead,
} from '../../../../../proxy/http/h1/write-response.ts';
import { compileHeaderEdit } from '../../../../../proxy/routing/header-edit.ts';

/** Status line and header lines as a client gets them. */
function passedOn(text: string, changes: Partial<ResponseChanges> = {}, method = 'GET'): string[] {
  const bytes = Buffer.from(text, 'latin1');
  const head = new ResponseHead();
  expect(head.parse(bytes, 0, bytes.length, method)).toBe(bytes.length);
  const written = writeResponseHead(head, { minorVersion: 1, keepAlive: true, ...changes });
  expect(written.endsWith('\r\n\r\n')).toBe(true);
  return written.slice(0, -4).split('\r\n');
}

const response = (...lines: string[]) =>
  `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

describe('writeResponseHead', () => {
  it('copies what needs no change', () => {
    const lines = ['Content-Length: 5', 'Set-Cookie: a=b', 'Set-Cookie: c=d', 'Date: x'];
    expect(passedOn(response(...lines))).toEqual(['HTTP/1.1 200 OK', ...lines]);
  });

  it('leaves out what concerns the backend connection only', () => {
    const lines = [
      'Connection: X-Hop, close',
      'X-Hop: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Authenticate: x',
      'Upgrade: h2c',
      'X_A: 1',
    ];
    expect(passedOn(response('Content-Length: 5', ...lines, 'X-A: 1'))).toEqual([
      'HTTP/1.1 200 OK',
      'Content-Length: 5',
      'X-A: 1',
    ]);
  });

  it('says that the connection ends, or goes on where that is not taken for granted', () => {
    const text = response('Content-Length: 5');
    expect(passedOn(text, { keepAlive: false }).at(-1)).toBe('Connection: close');
    expect(passedOn(text, { minorVersion: 0 }).at(-1)).toBe('Connection: keep-alive');
    expect(passedOn(text, { minorVersion: 0, keepAlive: false }).at(-1)).toBe('Connection: close');
  });

  it('gives a body of unknown length in chunks to those who know them, until close to the others', () => {
    for (const text of [
      response('Transfer-Encoding: chunked'),
      response('Transfer-Encoding:  Chunked'),
      response(),
    ]) {
      expect(passedOn(text)).toEqual(['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked']);
      expect(passedOn(text, { minorVersion: 0, keepAlive: false })).toEqual([
        'HTTP/1.1 200 OK',
        'Connection: close',
      ]);
    }
    expect(responseBodyFor('until-close', 1)).toBe('chunked');
    expect(responseBodyFor('chunked', 0)).toBe('until-close');
    expect(responseBodyFor('length', 0)).toBe('length');
    expect(responseBodyFor('none', 0)).toBe('none');
  });

  it('tells the length that a body would have, but none for a status that cannot have one', () => {
    expect(passedOn(response('Content-Length: 5'), {}, 'HEAD')).toContain('Content-Length: 5');
    expect(passedOn('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n')).toContain('Content-Length: 5');
    expect(passedOn(response('Transfer-Encoding: chunked'), {}, 'HEAD')).toEqual(['HTTP/1.1 200 OK']);
    expect(passedOn('HTTP/1.1 204 No Content\r\nContent-Length:  5\r\n\r\n')).toEqual([
      'HTTP/1.1 204 No Content',
    ]);
  });

  it('writes status line and length anew where they are odd', () => {
    expect(passedOn('HTTP/1.0 404 Not  Here\r\nContent-Length: \t7\r\n\r\n')).toEqual([
      'HTTP/1.1 404 Not  Here',
      'Content-Length: 7',
    ]);
    expect(passedOn('HTTP/1.1 204\r\n\r\n')).toEqual(['HTTP/1.1 204 ']);
  });

  it('passes a switch to WebSocket and interim responses on', () => {
    expect(
      passedOn(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\nX: y\r\n\r\n',
      ),
    ).toEqual(['HTTP/1.1 101 Switching Protocols', 'X: y', 'Connection: Upgrade', 'Upgrade: websocket']);
    expect(passedOn('HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n')).toEqual([
      'HTTP/1.1 103 Early Hints',
      'Link: x',
    ]);
  });

  it('adds further lines and does what header filters say', () => {
    const edit = compileHeaderEdit([{ set: [{ name: 'X-A', value: '2' }], add: [], remove: ['Server'] }])!;
    expect(
      passedOn(response('Content-Length: 5', 'Server: x', 'x-a: 1'), { edit, extra: 'Set-Cookie: ek=1\r\n' }),
    ).toEqual(['HTTP/1.1 200 OK', 'Content-Length: 5', 'Set-Cookie: ek=1', 'x-a: 2']);
  });
});

describe('writeLocalReply', () => {
  const reply = {
    status: 503,
    text: 'no endpoint is healthy',
    method: 'GET',
    minorVersion: 1,
    keepAlive: true,
  };

  it('is a whole response', () => {
    expect(writeLocalReply({ ...reply, lines: 'Retry-After: 1\r\n' })).toBe(
      'HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 23\r\n' +
        'Retry-After: 1\r\n\r\nno endpoint is healthy\n',
    );
  });

  it('has no body for HEAD, and none without text', () => {
    const head = writeLocalReply({ ...reply, method: 'HEAD' });
    expect(head.endsWith('Content-Length: 23\r\n\r\n')).toBe(true);
    expect(writeLocalReply({ ...reply, status: 302, text: '', lines: 'Location: /b\r\n' })).toBe(
      'HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /b\r\n\r\n',
    );
  });

  it('says what becomes of the connection', () => {
    expect(writeLocalReply({ ...reply, keepAlive: false })).toContain('\r\nConnection: close\r\n');
    expect(writeLocalReply({ ...reply, minorVersion: 0 })).toContain('\r\nConnection: keep-alive\r\n');
  });
});
