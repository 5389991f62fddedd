import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { listener } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { ok, status } from '../../support/http/backend.ts';
import { httpScope } from '../../support/http/scope.ts';

const GET = 'GET /mine HTTP/1.1\r\nHost: a.example\r\n\r\n';
const EXPECTING = 'POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n';

describe('a response before the request is complete', () => {
  const scope = httpScope();

  it('never lets the rest of a body become a request on a shared connection', async () => {
    // A23: the backend ignores bodies and answers early
    const { proxy } = await scope.pair({
      onHead: ({ request, socket }) => socket.write(ok(request.target)),
    });
    const smuggled = 'GET /admin HTTP/1.1\r\nHost: a.example\r\n\r\n';
    const other = await proxy.connect();
    for (let i = 0; i < 30; i++) {
      const client = await proxy.connect();
      client.send(`POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length + 1}\r\n\r\n`);
      expect((await client.response('POST')).body).toBe('/early');
      client.send(smuggled);
      expect((await other.request(GET)).body).toBe('/mine');
      client.close();
    }
    await proxy.settled();
  });

  it('closes the connection to the backend, and to the client after it has read the answer', async () => {
    const { proxy, backend } = await scope.pair({ onHead: ({ socket }) => socket.write(status(401)) });
    const client = await proxy.connect();
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000)}`);
    const response = await client.response('POST');
    expect(response.status).toBe(401);
    expect(response.header('connection')).toBe('close');
    client.send('x'.repeat(100_000));
    expect(await client.closed()).toBe('fin');
    await eventually('the backend connection is closed', () => backend.sockets.size === 0);
  });

  it('is there for a client that reads only when it has sent far more than anybody wants', async () => {
    const limits = { ...listener().limits, maxRequestBodyBytes: 1_000 };
    const { proxy } = await scope.pair({}, { listeners: [listener({ limits })] });
    const socket = connect(proxy.port, '127.0.0.1');
    const send = (bytes: string) => new Promise((sent) => socket.write(bytes, sent));
    await send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n');
    await send('x'.repeat(1_400_000));
    // By then the proxy has read as much of it as it is going to.
    for (let i = 0; i < 5; i++) await proxy.get();
    // A write that fails is what most clients tell, and not the answer behind it.
    expect(await send('x')).toBeFalsy();
    expect(String(await buffer(socket))).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  it('sends a body only when the backend says that it wants it', async () => {
    const { proxy, backend } = await scope.pair({
      onConnection: (socket) => {
        let text = '';
        socket.on('data', (bytes: Buffer) => {
          text += bytes.toString('latin1');
          if (text.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
          if (text.endsWith('hello')) socket.write(ok('thanks'));
        });
      },
    });
    const client = await proxy.connect();
    client.send(EXPECTING);
    await eventually('the client may go on', () => client.received === 'HTTP/1.1 100 Continue\r\n\r\n');
    client.send('hello');
    const interim: number[] = [];
    expect((await client.response('POST', interim)).body).toBe('thanks');
    expect(interim).toEqual([100]);
    expect(backend.connections).toBe(1);
  });

  it.each([417, 401, 200])('passes on a %i to a client that waits for 100', async (code) => {
    // A24
    const { proxy, backend } = await scope.pair({
      onHead: ({ request, socket }) =>
        request.method === 'POST' ? socket.write(status(code)) : socket.write(ok('other')),
    });
    const client = await proxy.connect();
    const interim: number[] = [];
    client.send(EXPECTING);
    expect((await client.response('POST', interim)).status).toBe(code);
    expect(interim).toEqual([]);
    expect(await client.closed()).toBe('fin');
    await eventually('the connection is not kept', () => backend.sockets.size === 0);
    expect((await proxy.get()).body).toBe('other');
  });

  it('answers an expectation other than 100-continue itself', async () => {
    // A25
    const { proxy, backend } = await scope.pair();
    for (const expectation of ['foo', '100-continue, x', 'y 100-continue']) {
      const client = await proxy.connect();
      client.send(`POST / HTTP/1.1\r\nHost: a\r\nExpect: ${expectation}\r\nContent-Length: 1\r\n\r\nx`);
      expect((await client.response('POST')).status).toBe(417);
      expect(await client.closed()).toBe('fin');
    }
    expect(backend.requests).toHaveLength(0);
  });

  it('passes interim responses on, and gives each request its own final one', async () => {
    // A26
    const { proxy } = await scope.pair(({ request, socket }) =>
      socket.write(
        `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n${ok(request.target)}`,
      ),
    );
    const client = await proxy.connect();
    for (const target of ['/1', '/2']) {
      const interim: number[] = [];
      client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect((await client.response('GET', interim)).body).toBe(target);
      expect(interim).toEqual([103]);
    }
    const old = await proxy.connect();
    expect((await old.request('GET / HTTP/1.0\r\nHost: a\r\n\r\n')).body).toBe('/');
    expect(old.received).not.toContain('103');
  });

  it('lets no backend take a body for whole that is not', async () => {
    // A20
    const { proxy, backend } = await scope.pair();
    const client = await proxy.connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf');
    await eventually('the backend has a connection', () => backend.sockets.size === 1);
    client.socket.end();
    await eventually('it is closed', () => backend.sockets.size === 0);
    expect(backend.requests).toHaveLength(0);
    await proxy.emptied();
    expect(proxy.records[0]).toMatchObject({ status: 499, error: 'DOWNSTREAM_CLOSED' });
    expect(proxy.passive).toEqual([]);
  });

  it('breaks off a request whose chunks turn out to be malformed', async () => {
    // A15, A16
    const { proxy, backend } = await scope.pair();
    const client = await proxy.connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    await eventually('the backend has a connection', () => backend.sockets.size === 1);
    client.send('0x5\r\nhello\r\n');
    expect((await client.response('POST')).status).toBe(400);
    expect(await client.closed()).toBe('fin');
    await eventually('it is closed', () => backend.sockets.size === 0);
    expect(backend.requests).toHaveLength(0);
    expect(proxy.records[0]).toMatchObject({ error: 'DOWNSTREAM_BAD_REQUEST', reason: 'chunk_size' });
  });

  it('refuses a body that is larger than the listener allows', async () => {
    const limits = { ...listener().limits, maxRequestBodyBytes: 1_000 };
    const { proxy, backend } = await scope.pair({}, { listeners: [listener({ limits })] });
    const announced = await proxy.connect();
    announced.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n${'x'.repeat(100)}`);
    expect(await announced.response('POST')).toMatchObject({
      status: 413,
      body: '413 the request body is too large (DOWNSTREAM_BODY_TOO_LARGE)\n',
    });
    expect(await announced.closed()).toBe('fin');
    expect(backend.connections).toBe(0);
    const chunked = await proxy.connect();
    chunked.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let i = 0; i < 11; i++) chunked.send(`64\r\n${'x'.repeat(100)}\r\n`);
    expect((await chunked.response('POST')).status).toBe(413);
    expect(backend.requests).toHaveLength(0);
    await proxy.emptied();
  });
});
