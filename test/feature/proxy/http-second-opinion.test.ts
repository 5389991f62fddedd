import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import httpProxy from 'http-proxy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient, type SeenResponse } from '../../support/http/client.ts';
import { HttpProxy } from '../../support/http/proxy.ts';

/**
 * The same requests through Evenkeel and through `http-proxy`, in front of the same node:http backend, must reach it
 * and come back alike. Every difference has its reason here, and each entry must still occur: `+` what only Evenkeel
 * sends, `-` what only http-proxy sends, `~` what both send differently.
 */
const DIFFERENCES: Readonly<Record<string, string>> = {
  'request +x-forwarded-for': 'said to every backend (http-proxy: with xfwd)',
  'request +x-forwarded-proto': 'as above',
  'request +x-forwarded-host': 'as above',
  'request +x-forwarded-port': 'as above',
  'request +forwarded': 'RFC 7239',
  'request +x-request-id': 'each request can be followed through the logs',
  'request +via': 'RFC 9110 section 7.6.3, and it stops loops',
  'request ~via': 'added to, as above',
  'request ~x-forwarded-for': 'what an untrusted client claims is overwritten (B09)',
  'request ~x-forwarded-proto': 'as above',
  'request ~forwarded': 'as above',
  'request -x-real-ip': 'as above',
  'request -x_under': 'some backends take `_` for `-` (A12)',
  'request -connection': 'HTTP/1.1 keeps connections without being asked',
  'request -x-hop': 'named by Connection, so not for the backend (RFC 9110 section 7.6.1)',
  'request -keep-alive': 'concerns the connection to the proxy only (B13)',
  'request -proxy-connection': 'as above',
  'request -proxy-authorization': 'as above',
  'request -te': 'as above, but for `trailers`',
  'request -upgrade': 'as above; only WebSocket is tunnelled (F04)',
  'request -http2-settings': 'as above (E20)',
  'request -proxy': 'CGI programs take it for their own proxy setting (B14)',
  'request -content-length': 'a POST without a body is passed on as it came; node:http announces 0 bytes',
  'request ~target': 'the path is forwarded in the form that was routed (B07)',
  'request ~host': 'the authority of an absolute target counts (B02); http-proxy has two opinions',
  'request ~x-two': 'lines stay as they came; node:http joins them',
  'request ~cookie': 'as above',
  'request ~trailers': 'trailers are passed on; http-proxy drops them',
  'response ~trailers': 'as above',
  'response -connection': 'said only where it is not taken for granted',
  'response -keep-alive': 'as above',
  'response -date': 'for the backend to say; node:http adds one in front of it, too',
  'response -x-hop': 'named by Connection, so not for the client',
  'response -proxy-authenticate': 'concerns the connection to the backend only',
};

interface Seen {
  readonly method: string;
  readonly target: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  readonly trailers: string;
}

interface Case {
  readonly name: string;
  readonly text: string;
  readonly answer?: string;
}

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'PROPFIND'];
const TARGETS = [
  '/',
  '/a/b?c=d&e=%20',
  '/a?b=/../c',
  '/a/../b',
  '/%41%7e',
  '//a',
  '/a;b=c/%C3%A9',
  '/?',
  '/a%252e',
];
const LINES = [
  'Accept: */*',
  'X-Two: 1\r\nX-Two: 2',
  'Cookie: a=b; c=d',
  'Cookie: a=b\r\nCookie: c=d',
  'Connection: close',
  'Connection: X-Hop\r\nX-Hop: 1',
  'Keep-Alive: timeout=5',
  'Proxy-Connection: keep-alive',
  'Proxy-Authorization: Basic x',
  'Proxy: http://evil.example',
  'TE: trailers',
  'TE: gzip',
  'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk',
  'X_Under: 1',
  'X-Forwarded-For: 198.51.100.7',
  'X-Forwarded-Proto: gopher',
  'X-Real-IP: 198.51.100.7',
  'Forwarded: for=198.51.100.7',
  'Authorization: Bearer x',
  'Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'X-Request-Id: mine',
  'Via: 1.1 edge',
  'User-Agent:',
  'X-Utf: caf\xc3\xa9',
  'Accept-Encoding: gzip, br',
  'If-None-Match: "x"',
];
const BODIES = [
  'Content-Length: 5\r\n\r\nhello',
  'Content-Length: 0\r\n\r\n',
  'Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n',
  'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n',
  'Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello',
];
/** Not among them: `Trailer` without a body, which ends the process that runs http-proxy. */

/** What the backend is asked to answer, by a header of the request. */
const ANSWERS = [
  'length',
  'chunked',
  'trailers',
  'empty',
  '204',
  '304',
  '302',
  '500',
  'cookies',
  'close',
  'hop',
  'gzip',
  'early-hints',
];

const request = (line: string, rest: string) => `${line}\r\nHost: shop.example.com\r\n${rest}`;
const CASES: readonly Case[] = [
  ...METHODS.flatMap((method) => [
    { name: method, text: request(`${method} / HTTP/1.1`, '\r\n') },
    { name: `${method} with a body`, text: request(`${method} / HTTP/1.1`, BODIES[0]!) },
  ]),
  ...TARGETS.map((target) => ({ name: target, text: request(`GET ${target} HTTP/1.1`, '\r\n') })),
  { name: 'an absolute target', text: request('GET http://other.example/x?y HTTP/1.1', '\r\n') },
  { name: 'HTTP/1.0', text: 'GET / HTTP/1.0\r\nHost: shop.example.com\r\n\r\n' },
  {
    name: 'HTTP/1.0, chunks asked for',
    text: 'GET / HTTP/1.0\r\nHost: shop.example.com\r\n',
    answer: 'chunked',
  },
  ...LINES.map((line) => ({
    name: JSON.stringify(line),
    text: request('GET / HTTP/1.1', `${line}\r\n\r\n`),
  })),
  ...BODIES.map((body) => ({ name: JSON.stringify(body), text: request('POST / HTTP/1.1', body) })),
  ...ANSWERS.flatMap((answer) =>
    ['GET', 'HEAD'].map((method) => ({
      name: `${method}, ${answer}`,
      text: request(`${method} / HTTP/1.1`, ''),
      answer,
    })),
  ),
];

describe('Evenkeel and http-proxy', () => {
  let seen: Seen[] = [];
  let backend: Server;
  let ours: HttpProxy;
  let theirs: Server;
  const agent = new Agent({ keepAlive: true });

  beforeAll(async () => {
    backend = createServer((request, response) => {
      let body = '';
      request.setEncoding('latin1');
      request.on('data', (piece: string) => (body += piece));
      request.on('end', () => {
        seen.push(essence(request, body));
        answer(request.headers['x-answer'], response);
      });
    });
    const port = await listen(backend);
    ours = await HttpProxy.start({ ports: [port] });
    const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${port}`, agent });
    proxy.on('error', (_, __, response) => response.destroy());
    theirs = createServer((request, response) => proxy.web(request, response));
    await listen(theirs);
  });
  afterAll(async () => {
    await ours.close();
    agent.destroy();
    theirs.closeAllConnections();
    theirs.close();
    backend.closeAllConnections();
    backend.close();
  });

  async function through(
    port: number,
    { text, answer }: Case,
  ): Promise<{ response: SeenResponse | string; seen: Seen[] }> {
    seen = [];
    const client = await RawClient.connect(port);
    const head = answer === undefined ? text : `${text}X-Answer: ${answer}\r\n\r\n`;
    const response = await Promise.race([
      client.request(head).catch(() => 'broken'),
      setTimeout(1_000, 'no answer'),
    ]);
    client.close();
    return { response, seen };
  }

  it('differ in nothing but what has a reason', async () => {
    const found = new Map<string, string>();
    for (const example of CASES) {
      const mine = await through(ours.port, example);
      const other = await through((theirs.address() as AddressInfo).port, example);
      for (const difference of compare(mine, other)) {
        if (!found.has(difference)) found.set(difference, example.name);
      }
    }
    const unexplained = [...found].filter(([difference]) => !(difference in DIFFERENCES));
    expect(unexplained).toEqual([]);
    expect(Object.keys(DIFFERENCES).filter((difference) => !found.has(difference))).toEqual([]);
  });
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function essence(request: IncomingMessage, body: string): Seen {
  const headers = new Map<string, string>();
  const { rawHeaders, rawTrailers } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    const value = rawHeaders[i + 1]!;
    headers.set(name, headers.has(name) ? `${headers.get(name)} | ${value}` : value);
  }
  return { method: request.method!, target: request.url!, headers, body, trailers: rawTrailers.join(': ') };
}

function answer(kind: unknown, response: ServerResponse): void {
  response.sendDate = false;
  switch (kind) {
    case 'chunked':
      response.write('hel');
      response.end('lo');
      return;
    case 'trailers':
      response.write('hello');
      response.addTrailers({ 'X-Sum': '9' });
      response.end();
      return;
    case 'empty':
      response.writeHead(200, { 'Content-Length': 0 }).end();
      return;
    case '204':
      response.writeHead(204).end();
      return;
    case '304':
      response.writeHead(304, { ETag: '"x"' }).end();
      return;
    case '302':
      response.writeHead(302, { Location: '/elsewhere', 'Content-Length': 0 }).end();
      return;
    case '500':
      response.writeHead(500, 'Broken', { 'Content-Length': 4 }).end('oops');
      return;
    case 'cookies':
      response
        .writeHead(
          200,
          [
            ['Set-Cookie', 'a=b'],
            ['Set-Cookie', 'c=d; Path=/'],
            ['Content-Length', '0'],
          ].flat(),
        )
        .end();
      return;
    case 'close':
      response.writeHead(200, { Connection: 'close', 'Content-Length': 5 }).end('hello');
      return;
    case 'hop':
      response
        .writeHead(200, {
          Connection: 'X-Hop',
          'X-Hop': '1',
          'Proxy-Authenticate': 'Basic',
          'Content-Length': 5,
        })
        .end('hello');
      return;
    case 'gzip':
      response
        .writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': 3 })
        .end(Buffer.from([0x1f, 0x8b, 0xff]));
      return;
    case 'early-hints':
      response.writeEarlyHints({ link: '</a.css>; rel=preload' });
      response.writeHead(200, { 'Content-Length': 5 }).end('hello');
      return;
    default:
      response.writeHead(200, { 'Content-Length': 5 }).end('hello');
  }
}

type Outcome = { readonly response: SeenResponse | string; readonly seen: readonly Seen[] };

function compare(mine: Outcome, other: Outcome): string[] {
  if (mine.seen.length !== other.seen.length) return [`requests ${mine.seen.length} ~ ${other.seen.length}`];
  const differences: string[] = [];
  for (const [i, a] of mine.seen.entries()) {
    const b = other.seen[i]!;
    for (const key of ['method', 'target', 'body', 'trailers'] as const)
      if (a[key] !== b[key]) differences.push(`request ~${key}`);
    differences.push(...compareHeaders('request', a.headers, b.headers));
  }
  if (typeof mine.response === 'string' || typeof other.response === 'string') {
    if (typeof mine.response !== typeof other.response) differences.push('response ~broken');
    return differences;
  }
  for (const key of ['status', 'body', 'trailers'] as const) {
    if (mine.response[key] !== other.response[key]) differences.push(`response ~${key}`);
  }
  return [...differences, ...compareHeaders('response', headersOf(mine.response), headersOf(other.response))];
}

function compareHeaders(
  kind: string,
  mine: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
): string[] {
  const names = new Set([...mine.keys(), ...other.keys()]);
  return [...names].flatMap((name) => {
    if (!other.has(name)) return [`${kind} +${name}`];
    if (!mine.has(name)) return [`${kind} -${name}`];
    return mine.get(name) === other.get(name) ? [] : [`${kind} ~${name}`];
  });
}

function headersOf({ head }: SeenResponse): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of head.trimEnd().split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers.set(name, headers.has(name) ? `${headers.get(name)} | ${value}` : value);
  }
  return headers;
}
