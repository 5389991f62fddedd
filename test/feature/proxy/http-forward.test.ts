import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { ok, status } from '../../support/http/backend.ts';
import { httpScope } from '../../support/http/scope.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

describe('an HTTP port', () => {
  const scope = httpScope();

  it('forwards a request and its response', async () => {
    const { proxy, backend } = await scope.pair(({ socket }) => socket.write(ok('hello', 'X-Answer: 2\r\n')));
    const response = await proxy.get('/a?b=c', 'X-Custom: 1\r\n');
    expect(response).toMatchObject({ status: 200, body: 'hello' });
    expect(response.header('x-answer')).toBe('2');
    const [seen] = backend.requests;
    expect(seen).toMatchObject({ method: 'GET', target: '/a?b=c' });
    expect(seen!.header('host')).toBe('example.com');
    expect(seen!.header('x-custom')).toBe('1');
    expect(seen!.header('x-forwarded-for')).toBe('127.0.0.1');
    expect(seen!.header('x-request-id')).toMatch(/^\w+-\w+$/);
    expect(seen!.header('via')).toBe('1.1 evenkeel');
    await proxy.settled();
  });

  it('keeps connections on both sides and gives each request its own response', async () => {
    const { proxy, backend } = await scope.pair(({ request, socket }) => socket.write(ok(request.target)));
    const client = await proxy.connect();
    for (let i = 0; i < 20; i++) {
      const response = await client.request(`GET /${i} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
      expect(response.body).toBe(`/${i}`);
      expect(response.header('connection')).toBeUndefined();
    }
    expect(backend.connections).toBe(1);
  });

  it('answers pipelined requests in order', async () => {
    const { proxy } = await scope.pair(({ request, socket }) => {
      setTimeout(() => socket.write(ok(request.target)), request.target === '/0' ? 30 : 0);
    });
    const client = await proxy.connect();
    const targets = Array.from({ length: 16 }, (_, i) => `/${i}`);
    client.send(targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`).join(''));
    for (const target of targets) expect((await client.response()).body).toBe(target);
  });

  it('answers the requests before a malformed one, refuses it once and closes', async () => {
    // A29
    const { proxy, backend } = await scope.pair();
    const client = await proxy.connect();
    client.send(`${GET.repeat(7)}GET / HTTP/1.1\r\nHost : a\r\n\r\n${GET}`);
    for (let i = 0; i < 7; i++) expect((await client.response()).status).toBe(200);
    expect((await client.response()).status).toBe(400);
    expect(await client.closed()).toBe('fin');
    expect(backend.requests).toHaveLength(7);
  });

  it('treats what follows a body as the next request', async () => {
    // A21, A22
    const { proxy, backend } = await scope.pair(({ request, socket }) =>
      socket.write(ok(`${request.target} ${request.body}`)),
    );
    const client = await proxy.connect();
    const spelled = 'GET /b HTTP/1.1\r\nHost: a.example\r\n\r\n';
    client.send(
      `GET /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${spelled.length}\r\n\r\n${spelled}${spelled}`,
    );
    expect((await client.response()).body).toBe(`/a ${spelled}`);
    expect((await client.response()).body).toBe('/b ');
    expect(backend.requests).toHaveLength(2);
    expect(proxy.records.map(({ path }) => path)).toEqual(['/a', '/b']);
  });

  it('passes bodies and trailers on in both directions, chunked', async () => {
    const { proxy, backend } = await scope.pair(({ request, socket }) =>
      socket.write(
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${request.body.length.toString(16)};x=1\r\n${request.body}\r\n` +
          '0\r\nX-Checksum: abc\r\nContent-Length: 3\r\n\r\n',
      ),
    );
    const client = await proxy.connect();
    const response = await client.request(
      'POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;ext\r\n, world\r\n0\r\n\r\n',
    );
    expect(response.body).toBe('hello, world');
    expect(response.trailers).toBe('X-Checksum: abc\r\n');
    expect(backend.requests[0]!.body).toBe('hello, world');
    expect((await client.request(GET)).status).toBe(200);
  });

  it('gives a chunked or unframed body to an HTTP/1.0 client until the connection closes', async () => {
    const { proxy } = await scope.pair(({ socket }) =>
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'),
    );
    const client = await proxy.connect();
    client.send('GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n');
    const response = await client.response();
    expect(response.body).toBe('hello');
    expect(response.header('transfer-encoding')).toBeUndefined();
    expect(response.header('connection')).toBe('close');
    expect(await client.closed()).toBe('fin');
  });

  it('keeps the connection of an HTTP/1.0 client that asks for it', async () => {
    const { proxy } = await scope.pair();
    const client = await proxy.connect();
    for (let i = 0; i < 2; i++) {
      const response = await client.request('GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n');
      expect(response.header('connection')).toBe('keep-alive');
    }
    await client.request('GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    expect(await client.closed()).toBe('fin');
  });

  it('frames a body that ends with the connection for clients that can keep theirs', async () => {
    const { proxy, backend } = await scope.pair(({ socket }) =>
      socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'),
    );
    const client = await proxy.connect();
    for (let i = 0; i < 2; i++) {
      const response = await client.request(GET);
      expect(response.body).toBe('until the end');
      expect(response.header('transfer-encoding')).toBe('chunked');
    }
    expect(backend.connections).toBe(2);
  });

  it('knows which responses have no body', async () => {
    const { proxy, backend } = await scope.pair(({ request, socket }) => {
      if (request.target === '/204') socket.write('HTTP/1.1 204 No Content\r\n\r\n');
      else if (request.target === '/304')
        socket.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n');
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
    });
    const client = await proxy.connect();
    const head = await client.request('HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n');
    expect(head.header('content-length')).toBe('5');
    expect((await client.request('GET /204 HTTP/1.1\r\nHost: a.example\r\n\r\n')).status).toBe(204);
    expect((await client.request('GET /304 HTTP/1.1\r\nHost: a.example\r\n\r\n')).status).toBe(304);
    expect(backend.connections).toBe(1);
  });

  it('closes when the client asks for it', async () => {
    const { proxy } = await scope.pair();
    const client = await proxy.connect();
    const response = await client.request('GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
    expect(response.header('connection')).toBe('close');
    expect(await client.closed()).toBe('fin');
  });

  it('keeps the backend connection out of a client that closes, and reuses it', async () => {
    const { proxy, backend } = await scope.pair();
    await proxy.get('/', 'Connection: close\r\n');
    await proxy.get('/', 'Connection: close\r\n');
    expect(backend.connections).toBe(1);
    expect(backend.requests[0]!.header('connection')).toBeUndefined();
  });

  it('closes a backend connection that the backend gives up, whether it closes it or not', async () => {
    // C14
    const { proxy, backend } = await scope.pair(({ socket }) =>
      socket.write(ok('x', 'Connection: close\r\n')),
    );
    const client = await proxy.connect();
    for (let i = 0; i < 3; i++) expect((await client.request(GET)).status).toBe(200);
    expect(backend.connections).toBe(3);
    await eventually('the connections are closed', () => backend.sockets.size === 0);
  });

  it('takes a request apart that comes byte by byte', async () => {
    // A35
    const { proxy, backend } = await scope.pair(({ request, socket }) => socket.write(ok(request.body)));
    const client = await proxy.connect();
    const text =
      'POST /x HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;a=b\r\nabc\r\n0\r\nT: 1\r\n\r\n';
    for (const character of text) {
      client.send(character);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await client.response('POST')).body).toBe('helloabc');
    expect(backend.requests).toHaveLength(1);
  });

  it('splits a chunked request at every point with one outcome', async () => {
    // A35
    const { proxy } = await scope.pair(({ request, socket }) => socket.write(ok(request.body)));
    const client = await proxy.connect();
    const text = 'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n';
    for (let at = 1; at < text.length; at++) {
      client.send(text.slice(0, at));
      await new Promise((resolve) => setImmediate(resolve));
      client.send(text.slice(at));
      expect((await client.response('POST')).body).toBe('hello');
    }
  });

  it('answers CONNECT and TRACE itself', async () => {
    const { proxy, backend } = await scope.pair();
    for (const line of ['CONNECT a.example:443', 'TRACE /']) {
      expect((await proxy.request(`${line} HTTP/1.1\r\nHost: a.example\r\n\r\n`)).status).toBe(405);
    }
    expect(backend.requests).toHaveLength(0);
  });

  it('stops a request that goes in circles', async () => {
    // B16
    const { proxy, backend } = await scope.pair();
    const via = 'Via: 1.1 evenkeel\r\n';
    expect((await proxy.get('/', via.repeat(7))).status).toBe(200);
    const looped = await proxy.get('/', via.repeat(8));
    expect(looped).toMatchObject({ status: 508, body: '508 the request goes in circles (LOOP)\n' });
    expect(backend.requests).toHaveLength(1);
  });

  it('passes an X-Request-Id on and makes one where there is none', async () => {
    const { proxy, backend } = await scope.pair();
    await proxy.get('/', 'X-Request-Id: mine-1\r\ntraceparent: 00-abc\r\n');
    await proxy.get('/');
    await proxy.get('/');
    const ids = backend.requests.map((request) => request.header('x-request-id'));
    expect(ids[0]).toBe('mine-1');
    expect(new Set(ids).size).toBe(3);
    expect(backend.requests[0]!.header('traceparent')).toBe('00-abc');
    expect(proxy.records.map(({ requestId }) => requestId)).toEqual(ids);
  });

  it('accounts for each request', async () => {
    const { proxy, backend } = await scope.pair(({ socket }) => socket.write(ok('12345')));
    await proxy.request('POST /p?q HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc');
    expect(proxy.records).toHaveLength(1);
    expect(proxy.records[0]).toMatchObject({
      attempts: 1,
      status: 200,
      error: undefined,
      bytesIn: 3,
      bytesOut: 5,
      method: 'POST',
      host: 'a.example',
      path: '/p',
      clientAddress: '127.0.0.1',
    });
    expect(proxy.records[0]!.endpoint!.port).toBe(backend.port);
    expect(proxy.records[0]!.firstByteMs).toBeGreaterThan(0);
    expect(proxy.records[0]!.durationMs).toBeGreaterThanOrEqual(proxy.records[0]!.firstByteMs);
    expect(proxy.passive).toEqual([{ kind: 'success', port: backend.port, detail: undefined }]);
  });

  it('tells passive health of error statuses', async () => {
    const { proxy, backend } = await scope.pair(({ socket }) => socket.write(status(503)));
    expect((await proxy.get()).status).toBe(503);
    expect(proxy.passive).toEqual([{ kind: 'error-status', port: backend.port, detail: 503 }]);
  });

  it('spreads requests over the endpoints in turn', async () => {
    const backends = await Promise.all(['a', 'b', 'c'].map((name) => scope.backend({ name })));
    const proxy = await scope.proxy({ ports: backends.map(({ port }) => port) });
    const client = await proxy.connect();
    const names: string[] = [];
    for (let i = 0; i < 6; i++) names.push((await client.request(GET)).body);
    expect(names).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });
});
