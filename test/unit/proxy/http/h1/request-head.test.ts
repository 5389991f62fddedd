import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../../../proxy/errors.ts';
import { type Fault, INCOMPLETE, REFUSED, requestError } from '../../../../../proxy/http/h1/fault.ts';
import { RequestHead } from '../../../../../proxy/http/h1/request-head.ts';
import { REFUSED_REQUESTS } from '../../../../support/http/refused-requests.ts';

function parse(text: string, head = new RequestHead()): { head: RequestHead; taken: number } {
  const bytes = Buffer.from(text, 'latin1');
  return { head, taken: head.parse(bytes, 0, bytes.length) };
}

function accepted(text: string): RequestHead {
  const { head, taken } = parse(text);
  expect(taken === REFUSED ? head.fault : taken).toBe(text.length);
  return head;
}

function refused(text: string): Fault | number {
  const { head, taken } = parse(text);
  return taken === REFUSED ? head.fault : taken;
}

/** A request with these lines beside Host. */
function withLines(...lines: string[]): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
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
      hasBody: true,
      keepAlive: true,
    });
    expect(head.header('host')).toBe('Shop.Example.com:8080');
  });

  it('reads a head in the middle of a larger buffer', () => {
    const text = 'GET /a HTTP/1.1\r\nHost: a\r\nX-One: 1\r\n\r\n';
    const bytes = Buffer.from(`garbage${text}POST /b`, 'latin1');
    const head = new RequestHead();
    expect(head.parse(bytes, 7, bytes.length)).toBe(text.length);
    expect(head.header('x-one')).toBe('1');
  });

  it('carries nothing over from the head before', () => {
    const head = new RequestHead();
    parse(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX-Request-Id: 1\r\nForwarded: for=a\r\nVia: 1.1 evenkeel\r\n\r\n',
      head,
    );
    expect(head).toMatchObject({ websocket: true, hasRequestId: true, hasIdentity: true, hops: 1 });
    parse(
      'POST http://c/a/../b?q HTTP/1.1\r\nHost: b\r\nExpect: 100-continue\r\nContent-Length:  7\r\n\r\n',
      head,
    );
    expect(head).toMatchObject({ expectsContinue: true, isFramingRewritten: true, isTargetPlain: false });
    parse('GET /x HTTP/1.0\r\n\r\n', head);
    expect(head).toMatchObject({
      method: 'GET',
      target: '/x',
      query: '',
      authority: '',
      hostname: '',
      body: 'none',
      contentLength: 0,
      keepAlive: false,
      websocket: false,
      hasRequestId: false,
      hasIdentity: false,
      expectsContinue: false,
      isFramingRewritten: false,
      isTargetPlain: true,
      hops: 0,
    });
    expect(head.lines.count).toBe(0);
  });

  it('keeps a copy that outlives the buffer', () => {
    const bytes = Buffer.from('GET /a?b HTTP/1.1\r\nHost: a\r\nCookie: x=1\r\nCookie: y=2\r\n\r\n');
    const head = new RequestHead();
    head.parse(bytes, 0, bytes.length);
    head.clientAddress = '192.0.2.1';
    const kept = head.keep();
    bytes.fill(0);
    parse('POST / HTTP/1.1\r\nHost: b\r\n\r\n', head);
    expect(kept).toMatchObject({
      method: 'GET',
      path: '/a',
      query: 'b',
      hostname: 'a',
      clientAddress: '192.0.2.1',
    });
    expect(kept.header('cookie')).toBe('x=1; y=2');
  });

  it('asks for more at every point before the end of a good head', () => {
    const text = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    for (let end = 0; end < text.length; end++) expect(parse(text.slice(0, end)).taken).toBe(INCOMPLETE);
    expect(parse(text).head.keepAlive).toBe(false);
  });
});

describe('a request that is refused', () => {
  const heads = REFUSED_REQUESTS.filter(({ part }) => part === 'head');

  // Each again on real sockets, with its body, in test/feature/proxy/http-refused.test.ts.
  it.each(heads)('$id $what: $fault', ({ text, fault }) => {
    expect(refused(text)).toBe(fault);
  });
});

describe('framing of a request', () => {
  it('takes a length up to a petabyte and chunked in any case', () => {
    expect(accepted(withLines('Content-Length: 999999999999999')).contentLength).toBe(999_999_999_999_999);
    expect(accepted(withLines('Content-Length: 0'))).toMatchObject({ body: 'length', contentLength: 0 });
    expect(accepted(withLines('Transfer-Encoding: Chunked')).body).toBe('chunked');
    expect(accepted(withLines('Transfer-Encoding:\t chunked \t'))).toMatchObject({
      body: 'chunked',
      isFramingRewritten: true,
    });
  });

  // A12, B10
  it.each(['Transfer_Encoding: chunked', 'Content_Length: 5', 'X_Forwarded_For: 192.0.2.1'])(
    'neither obeys nor shows %s',
    (line) => {
      const head = accepted(withLines(line));
      expect(head.body).toBe('none');
      expect(head.header(line.split(':')[0]!.toLowerCase())).toBeUndefined();
    },
  );

  // A22
  it.each(['GET', 'HEAD', 'OPTIONS', 'DELETE'])('frames the body of %s as any other', (method) => {
    const body = 'GET /admin HTTP/1.1\r\nHost: a\r\n\r\n';
    const head = new RequestHead();
    const text = `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`;
    expect(parse(text + body, head).taken).toBe(text.length);
    expect(head.contentLength).toBe(body.length);
  });
});

describe('header lines of a request', () => {
  // A27: more than the limit is refused, never cut off.
  it('takes 100 header lines and refuses 101', () => {
    const lines = (count: number) => Array.from({ length: count - 1 }, (_, i) => `X-${i}: 1`);
    expect(accepted(withLines(...lines(100))).lines.count).toBe(100);
    expect(refused(withLines(...lines(101)))).toBe('too_many_headers');
    expect(refused(withLines(...Array.from({ length: 2_500 }, () => 'a: b'), 'Content-Length: 3'))).toBe(
      'too_many_headers',
    );
  });

  // A28, B15
  it('takes a head of 16 KiB and refuses one byte more, complete or not', () => {
    const padded = (size: number) => {
      const empty = withLines('X-A: ');
      return withLines(`X-A: ${'x'.repeat(size - empty.length)}`);
    };
    expect(accepted(padded(16_384)).lines.count).toBe(2);
    expect(refused(padded(16_385))).toBe('head_too_large');
    expect(refused(padded(20_000).slice(0, 16_384))).toBe('head_too_large');
  });

  it('keeps bytes above 0x7f as they are', () => {
    expect(accepted(withLines('X-A: caf\xc3\xa9')).header('x-a')).toBe('caf\xc3\xa9');
  });

  it('joins repeated headers, Cookie by semicolons', () => {
    const head = accepted(withLines('X-A: 1', 'Cookie: a=1', 'x-a:2', 'COOKIE: b=2'));
    expect(head.header('x-a')).toBe('1, 2');
    expect(head.header('cookie')).toBe('a=1; b=2');
    expect(head.header('x-b')).toBeUndefined();
  });
});

describe('request line', () => {
  it('knows nothing better than to tell the client what is wrong with it', () => {
    const statusOf = (fault: Fault) => traitsOf(requestError(fault)).status;
    expect(statusOf('cl_te')).toBe(400);
    expect(statusOf('target_too_long')).toBe(414);
    expect(statusOf('too_many_headers')).toBe(431);
    expect(statusOf('method_unknown')).toBe(501);
    expect(statusOf('te_unsupported')).toBe(501);
    expect(statusOf('version_unsupported')).toBe(505);
    expect(statusOf('method_refused')).toBe(405);
    expect(statusOf('expect')).toBe(417);
  });

  // A30
  it('skips one empty line before it', () => {
    expect(accepted('\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n').path).toBe('/');
  });

  // A33: any upper-case name may be routed on, so any is forwarded.
  it.each(['PUT', 'PATCH', 'PROPFIND', 'VERSION-CONTROL', 'POSTX', 'HEADS', 'G'])(
    'takes the method %s',
    (method) => {
      expect(accepted(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`).method).toBe(method);
    },
  );

  // B06
  it('takes OPTIONS for the server as a whole', () => {
    expect(accepted('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({
      target: '*',
      path: '/',
      query: '',
    });
  });

  // B02
  it('lets the authority of an absolute target stand in for Host', () => {
    expect(accepted('GET http://B.example:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({
      hostname: 'b.example',
      authority: 'B.example:81',
      path: '/x',
      query: 'y',
      target: '/x?y',
      isTargetPlain: false,
    });
    expect(accepted('GET HTTP://b?y HTTP/1.0\r\n\r\n')).toMatchObject({ authority: 'b', target: '/?y' });
  });

  // B07
  it('forwards the path that it matches', () => {
    expect(accepted('GET /a/%2e%2E/b//c?d=/../e HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({
      path: '/b/c',
      query: 'd=/../e',
      target: '/b/c?d=/../e',
      isTargetPlain: false,
    });
    expect(refused('GET /%2f HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('path_escape');
    expect(accepted('GET /plain? HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({
      target: '/plain?',
      query: '',
      isTargetPlain: true,
    });
  });
});

describe('Host', () => {
  const withHost = (...hosts: string[]) =>
    `GET / HTTP/1.1\r\n${hosts.map((host) => `Host: ${host}\r\n`).join('')}\r\n`;

  it('is checked beside an absolute target, too', () => {
    expect(refused('GET http://a/ HTTP/1.1\r\n\r\n')).toBe('host_missing');
    expect(refused('GET http://a/ HTTP/1.1\r\nHost: a,b\r\n\r\n')).toBe('host_invalid');
  });

  it('may be absent from HTTP/1.0', () => {
    expect(accepted('GET / HTTP/1.0\r\n\r\n')).toMatchObject({ hostname: '', authority: '' });
  });

  it('is not confused with another of the same length and hash slot', () => {
    const head = new RequestHead();
    for (let i = 0; i < 1_000; i++) {
      parse(withHost(`host-${i % 700}.example`), head);
      expect(head.hostname).toBe(`host-${i % 700}.example`);
    }
  });
});

describe('connection options of a request', () => {
  it.each([
    ['1.1', '', true],
    ['1.1', 'close', false],
    ['1.1', 'Keep-Alive, Close', false],
    ['1.0', '', false],
    ['1.0', 'Keep-Alive', true],
    ['1.0', 'keep-alive, close', false],
  ])('HTTP/%s with %j keeps the connection: %s', (version, options, keepAlive) => {
    const line = options === '' ? '' : `Connection: ${options}\r\n`;
    expect(accepted(`GET / HTTP/${version}\r\nHost: a\r\n${line}\r\n`).keepAlive).toBe(keepAlive);
  });

  // B11
  it('hide the headers they name, but none that means something', () => {
    const named = 'close, X-Forwarded-For, X-Real-IP, Cookie, Authorization, Content-Length, Host, X-Mine';
    const head = accepted(
      withLines(
        'X-Mine: 1',
        `Connection: ${named}`,
        'X-Forwarded-For: 192.0.2.1',
        'Cookie: a=b',
        'Authorization: x',
        'Content-Length: 5',
        'X-Mine: 2',
      ),
    );
    expect(head.header('x-mine')).toBeUndefined();
    expect(head).toMatchObject({ contentLength: 5, hostname: 'a', keepAlive: false });
    for (const name of ['cookie', 'authorization', 'content-length', 'host', 'x-forwarded-for']) {
      expect(head.header(name)).toBeDefined();
    }
  });

  // B12
  it.each(['Transfer-Encoding', 'Content-Length'])('leave framing alone when they name %s', (name) => {
    const value = name === 'Content-Length' ? '5' : 'chunked';
    const head = accepted(withLines(`Connection: ${name}`, `${name}: ${value}`));
    expect(head.body).toBe(name === 'Content-Length' ? 'length' : 'chunked');
  });
});

describe('Expect', () => {
  it('is for a body that is still to come', () => {
    expect(accepted(withLines('Expect: 100-continue', 'Content-Length: 5')).expectsContinue).toBe(true);
    expect(accepted(withLines('Expect: 100-Continue', 'Transfer-Encoding: chunked')).expectsContinue).toBe(
      true,
    );
    expect(accepted(withLines('Expect: 100-continue')).expectsContinue).toBe(false);
    expect(accepted(withLines('Expect: 100-continue', 'Content-Length: 0')).expectsContinue).toBe(false);
    const old = accepted('POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
    expect(old.expectsContinue).toBe(false);
  });
});

describe('Upgrade', () => {
  const upgrade = (...lines: string[]) =>
    `GET /chat HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

  it('asks for a WebSocket by both headers', () => {
    expect(accepted(upgrade('Connection: keep-alive, Upgrade', 'Upgrade: WebSocket')).websocket).toBe(true);
  });

  // F04, E20
  it.each([
    [['Upgrade: websocket']],
    [['Connection: Upgrade']],
    [['Connection: Upgrade', 'Upgrade: foo']],
    [['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAA']],
    [['Connection: Upgrade', 'Upgrade: websocket', 'Upgrade: foo']],
    [['Connection: Upgrade', 'Upgrade: websocket, foo']],
  ])('is nothing to us as %j', (lines) => {
    expect(accepted(upgrade(...lines)).websocket).toBe(false);
  });

  it('is nothing in HTTP/1.0 or with another method', () => {
    const lines = 'Host: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
    expect(accepted(`GET / HTTP/1.0\r\n${lines}`).websocket).toBe(false);
    expect(accepted(`POST / HTTP/1.1\r\n${lines}`).websocket).toBe(false);
  });
});

describe('what a request says about its way', () => {
  // B16
  it('counts our own entries in Via and no others', () => {
    const head = accepted(
      withLines('Via: 1.1 evenkeel, 1.1 varnish', 'Via: 1.0 evenkeel', 'Via: 1.1 evenkeel-2, 2 evenkeel'),
    );
    expect(head.hops).toBe(3);
  });

  // B09, B10
  it('shows nobody a claim that is not believed', () => {
    const names = ['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-prefix', 'x-real-ip'];
    const head = accepted(withLines(...names.map((name) => `${name}: x`), 'X-A: 1'));
    expect(names.map((name) => head.header(name))).toEqual(names.map(() => 'x'));
    head.hideIdentity();
    expect(names.map((name) => head.header(name))).toEqual(names.map(() => undefined));
    expect(head.hasIdentity).toBe(false);
    expect(head.header('x-a')).toBe('1');
  });

  it('keeps one request id that is safe to log, and hides the rest', () => {
    expect(accepted(withLines('X-Request-Id: 0b7e-1')).hasRequestId).toBe(true);
    for (const lines of [['X-Request-Id: a b'], ['X-Request-Id: '], [`X-Request-Id: ${'x'.repeat(129)}`]]) {
      const head = accepted(withLines(...lines));
      expect(head.hasRequestId).toBe(false);
      expect(head.header('x-request-id')).toBeUndefined();
    }
    expect(accepted(withLines('X-Request-Id: a', 'X-Request-Id: b')).header('x-request-id')).toBe('a');
  });
});
