import { describe, expect, it } from 'vitest';
import { ForwardedLines } from '../../../../proxy/http/forwarded.ts';
import { RequestHead } from '../../../../proxy/http/h1/request-head.ts';

const ORIGIN = { peer: '192.0.2.1', scheme: 'https', port: 8443 } as const;
const CLAIMS = [
  'X-Forwarded-For: 198.51.100.7',
  'x-forwarded-for: 198.51.100.8',
  'X-Forwarded-Proto: http',
  'X-Forwarded-Host: shop.example.com:81',
  'X-Forwarded-Port: 81',
  'X-Forwarded-Prefix: /shop',
  'X-Real-IP: 198.51.100.7',
  'Forwarded: for=198.51.100.7',
];

function head(host: string, lines: readonly string[] = []): RequestHead {
  const bytes = Buffer.from(
    `GET / HTTP/1.1\r\nHost: ${host}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`,
  );
  const head = new RequestHead();
  expect(head.parse(bytes, 0, bytes.length)).toBe(bytes.length);
  return head;
}

function linesFor(
  trusted: boolean,
  request: RequestHead,
  origin: typeof ORIGIN | { peer: string; scheme: 'http'; port: number } = ORIGIN,
): string[] {
  return new ForwardedLines(origin, trusted).for(request).split('\r\n').slice(0, -1);
}

describe('ForwardedLines', () => {
  const own = [
    'X-Forwarded-For: 192.0.2.1',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: a:8443',
    'X-Forwarded-Port: 8443',
    'Forwarded: for=192.0.2.1;host="a:8443";proto=https',
  ];

  // B09
  it('says what the proxy knows, whatever an untrusted peer claims', () => {
    expect(linesFor(false, head('a:8443'))).toEqual(own);
    expect(linesFor(false, head('a:8443', CLAIMS))).toEqual(own);
  });

  it('appends to what a trusted peer says', () => {
    expect(linesFor(true, head('a:8443'))).toEqual(own);
    expect(linesFor(true, head('a:8443', CLAIMS))).toEqual([
      'X-Forwarded-For: 198.51.100.7, 198.51.100.8, 192.0.2.1',
      'X-Forwarded-Proto: http',
      'X-Forwarded-Host: shop.example.com:81',
      'X-Forwarded-Port: 81',
      'Forwarded: for=198.51.100.7, for=192.0.2.1;host="a:8443";proto=https',
      'X-Forwarded-Prefix: /shop',
      'X-Real-IP: 198.51.100.7',
    ]);
  });

  it('passes on no claim that cannot be true, also from a trusted peer', () => {
    const lines = linesFor(
      true,
      head('a:8443', [
        'X-Forwarded-Proto: gopher',
        'X-Forwarded-Host: a,b',
        'X-Forwarded-Port: x',
        'X-Forwarded-For: ',
      ]),
    );
    expect(lines).toEqual(own);
  });

  it('follows the host from request to request', () => {
    const lines = new ForwardedLines(ORIGIN, false);
    expect(lines.for(head('a'))).toContain('X-Forwarded-Host: a\r\n');
    expect(lines.for(head('b'))).toContain('X-Forwarded-Host: b\r\n');
    expect(lines.for(head('b'))).toBe(lines.for(head('b')));
  });

  it('quotes IPv6, and leaves out a host that was not named', () => {
    const bytes = Buffer.from('GET / HTTP/1.0\r\n\r\n');
    const request = new RequestHead();
    request.parse(bytes, 0, bytes.length);
    expect(linesFor(false, request, { peer: '2001:db8::1', scheme: 'http', port: 80 })).toEqual([
      'X-Forwarded-For: 2001:db8::1',
      'X-Forwarded-Proto: http',
      'X-Forwarded-Port: 80',
      'Forwarded: for="[2001:db8::1]";proto=http',
    ]);
  });
});
