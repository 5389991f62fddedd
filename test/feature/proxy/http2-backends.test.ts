import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { poolConfig, resilience } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { answer, answerWithTrailers } from '../../support/http/http2-backend.ts';
import { H2Client } from '../../support/http2/client.ts';
import {
  END_HEADERS,
  END_STREAM,
  fieldBlock,
  frame,
  FrameType,
  RawHttp2Backend,
  type RawHttp2Script,
} from '../../support/http/raw-http2.ts';
import { httpScope } from '../../support/http/scope.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';
const POST = 'POST /orders?x=1 HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: 5\r\n\r\nhello';
const CHUNKED = 'POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('a backend that speaks HTTP/2', () => {
  const scope = httpScope();

  it('gets a request of HTTP/1.1 as fields, and its response comes back as HTTP/1.1', async () => {
    const { backend, proxy } = await scope.http2Pair((stream) =>
      answer(stream, 'ordered', { 'content-type': 'text/plain', 'content-length': '7' }),
    );
    const response = await proxy.request(POST);
    expect(response.head).toContain('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n');
    expect(response.body).toBe('ordered');
    const [request] = backend.requests;
    expect(request!.fields.slice(0, 8)).toEqual(
      [':method', 'POST', ':scheme', 'http', ':authority', 'shop.example.com', ':path', '/orders?x=1'].flat(),
    );
    expect(request!.headers).toMatchObject({
      'content-length': '5',
      'x-forwarded-for': '127.0.0.1',
      via: '1.1 evenkeel',
    });
    expect(request!.body).toBe('hello');
    await proxy.settled();
    expect(proxy.passive).toMatchObject([{ kind: 'success' }]);
  });

  it('gets no line that is about the connection, and te only for trailers', async () => {
    // B13
    const { backend, proxy } = await scope.http2Pair();
    const lines = 'Connection: x-mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n';
    expect((await proxy.get('/', `${lines}TE: trailers\r\n`)).status).toBe(200);
    expect((await proxy.get('/', `${lines}TE: gzip\r\n`)).status).toBe(200);
    const names = backend.requests.map(({ fields }) => fields.filter((_, i) => i % 2 === 0));
    for (const name of ['connection', 'x-mine', 'keep-alive', 'upgrade', 'transfer-encoding']) {
      expect(names.flat()).not.toContain(name);
    }
    expect(backend.requests.map(({ headers }) => headers['te'])).toEqual(['trailers', undefined]);
  });

  it('gets a chunked body without its framing, and the trailers behind it', async () => {
    const { backend, proxy } = await scope.http2Pair();
    const client = await proxy.connect();
    client.send(`${CHUNKED}5\r\nhello\r\n`);
    await eventually('the request has begun', () => backend.requests.length === 1);
    client.send('6\r\n world\r\n0\r\nchecksum: 7\r\ncontent-length: 9\r\n\r\n');
    expect((await client.response('POST')).status).toBe(200);
    expect(backend.requests[0]).toMatchObject({ body: 'hello world', trailers: { checksum: '7' } });
    // A18
    expect(backend.requests[0]!.trailers).not.toHaveProperty('content-length');
    // The same in one piece.
    expect((await client.request(`${CHUNKED}5\r\nhello\r\n0\r\nchecksum: 8\r\n\r\n`)).status).toBe(200);
    expect(backend.requests[1]).toMatchObject({ body: 'hello', trailers: { checksum: '8' } });
    expect((await client.request(`${CHUNKED}0\r\n\r\n`)).status).toBe(200);
    expect(backend.requests[2]).toMatchObject({ body: '', trailers: undefined });
  });

  it('has its trailers passed on in chunks', async () => {
    const { proxy } = await scope.http2Pair((stream) =>
      answerWithTrailers(stream, 'body', { checksum: '7', 'grpc-status': '0' }),
    );
    const response = await proxy.get();
    expect(response).toMatchObject({ status: 200, body: 'body' });
    expect(response.trailers).toBe('checksum: 7\r\ngrpc-status: 0\r\n');
  });

  it.each([
    ['HEAD', 200, { 'content-length': '100' }],
    ['GET', 204, {}],
    ['GET', 304, { 'content-length': '100' }],
    ['GET', 200, { 'content-length': '0' }],
    ['GET', 404, {}],
  ])('may answer %s with %d and no body', async (method, status, headers) => {
    const { proxy } = await scope.http2Pair((stream) =>
      stream.respond({ ':status': status, ...headers }, { endStream: true }),
    );
    const client = await proxy.connect();
    for (let i = 0; i < 2; i++) {
      const response = await client.request(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect(response).toMatchObject({ status, body: '' });
    }
    await proxy.settled();
  });

  it('keeps every field of its response, in order, byte for byte', async () => {
    const { proxy } = await scope.http2Pair((stream) => {
      const fields = [':status', '200', 'set-cookie', 'a=1', 'x', 'caf\u00e9', 'set-cookie', 'b=2'];
      stream.respond(fields);
      stream.end();
    });
    const response = await proxy.get();
    expect(response.head).toContain('set-cookie: a=1\r\nx: caf\u00e9\r\nset-cookie: b=2\r\n');
  });

  it('may send interim responses before the final one', async () => {
    // A26
    const { proxy } = await scope.http2Pair((stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
      answer(stream, 'ok');
    });
    const client = await proxy.connect();
    client.send(GET);
    const interim: number[] = [];
    expect((await client.response('GET', interim)).body).toBe('ok');
    expect(interim).toEqual([103]);
  });

  it('has 1,000 requests of 50 clients share one connection', async () => {
    const { backend, proxy } = await scope.http2Pair((stream, { headers }) =>
      answer(stream, String(headers[':path'])),
    );
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const client = await proxy.connect();
        for (let j = 0; j < 20; j++) {
          const path = `/${i}/${j}`;
          expect((await client.request(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)).body).toBe(path);
        }
      }),
    );
    expect(backend.opened).toBe(1);
    expect(proxy.worker.sessions.idle).toBe(1);
    await proxy.settled();
  });

  it('is never asked for more streams at a time than it takes: there is a further connection, or the request waits', async () => {
    const waiting: (() => void)[] = [];
    const { backend, proxy } = await scope.http2Pair({
      settings: { maxConcurrentStreams: 10 },
      script: (stream) => waiting.push(() => answer(stream, 'ok')),
    });
    const replies = Array.from({ length: 45 }, () => proxy.get());
    await eventually('all of them are there', () => waiting.length === 45);
    expect(backend.opened).toBe(5);
    const bySession = Map.groupBy(backend.requests, ({ session }) => session);
    expect(Math.max(...[...bySession.values()].map(({ length }) => length))).toBe(10);
    for (const go of waiting) go();
    expect((await Promise.all(replies)).every(({ status }) => status === 200)).toBe(true);
    await proxy.settled();
  });

  it('carries large bodies both ways', async () => {
    const size = 5_000_000;
    const { backend, proxy } = await scope.http2Pair((stream, request) => answer(stream, request.body));
    const body = Buffer.alloc(size, 'abcdefghij');
    const client = await proxy.connect();
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    client.send(body);
    const response = await client.response('POST');
    expect(response.body === body.toString('latin1')).toBe(true);
    expect(backend.requests[0]!.body.length).toBe(size);
    await proxy.settled();
  });

  it('is held back on one stream by a client that takes nothing, and on no other', async () => {
    // F06
    let pushed = 0;
    const { proxy } = await scope.http2Pair({
      onHeaders: (stream, { headers }) => {
        if (headers[':path'] === '/') {
          answer(stream, 'ok');
          return;
        }
        stream.respond({ ':status': 200 });
        const push = () => {
          for (let more = true; more && pushed < 50_000_000; pushed += 65_536) {
            more = stream.write(Buffer.alloc(65_536));
          }
        };
        stream.on('drain', push);
        push();
      },
    });
    const stalled = await proxy.connect();
    stalled.socket.pause();
    stalled.send('GET /endless HTTP/1.1\r\nHost: a\r\n\r\n');
    let before = -1;
    await eventually('the backend is stopped', async () => {
      const isStopped = pushed > 0 && pushed === before;
      before = pushed;
      if (!isStopped) await new Promise((resolve) => setTimeout(resolve, 100));
      return isStopped;
    });
    expect(pushed).toBeLessThan(16_000_000);
    for (let i = 0; i < 10; i++) expect((await proxy.get()).body).toBe('ok');
    stalled.socket.resume();
    await eventually('it goes on', () => pushed > before + 1_000_000);
    stalled.close();
    await proxy.settled();
  });

  it('holds back a client whose body it does not take', async () => {
    const { proxy } = await scope.http2Pair({ onHeaders: () => {} });
    const client = await proxy.connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n');
    const chunk = Buffer.alloc(1_000_000);
    let sent = 0;
    while (sent < 100 && client.socket.write(chunk)) sent += 1;
    for (; sent < 100; sent++) {
      const drained = once(client.socket, 'drain').then(() => true);
      const stuck = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 500));
      if (!(await Promise.race([drained, stuck]))) break;
      client.socket.write(chunk);
    }
    expect(sent).toBeLessThan(30);
  });

  it('learns within 100 ms that its client has left', async () => {
    // D10
    const { backend, proxy } = await scope.http2Pair({ onHeaders: () => {} });
    const took: number[] = [];
    for (let i = 0; i < 5; i++) {
      const client = await proxy.connect();
      client.send(GET);
      await eventually('the request is there', () => backend.requests.length === i + 1);
      const left = performance.now();
      client.close();
      await eventually('the stream is reset', () => backend.requests[i]!.rstCode !== undefined);
      took.push(performance.now() - left);
    }
    // Whatever else the machine does, one of them is quick.
    expect(Math.min(...took)).toBeLessThan(100);
    // CANCEL
    expect(backend.requests[0]!.rstCode).toBe(8);
    await proxy.settled();
    expect(proxy.worker.sessions.idle).toBe(1);
  });

  it('may answer before it has the whole body', async () => {
    const { backend, proxy } = await scope.http2Pair({ onHeaders: (stream) => answer(stream, 'too much') });
    const client = await proxy.connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx');
    expect((await client.response('POST')).body).toBe('too much');
    await proxy.settled();
    expect((await proxy.get()).body).toBe('too much');
    expect(backend.opened).toBe(1);
  });

  it('is given up for a WebSocket: that goes to HTTP/1.1 alone', async () => {
    const { backend, proxy } = await scope.http2Pair();
    const response = await proxy.get(
      '/',
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
    );
    expect(response.status).toBe(501);
    expect(backend.requests).toHaveLength(0);
    await proxy.settled();
  });
});

describe('HTTP/2 on both sides', () => {
  const scope = httpScope();

  it('carries requests and responses with their trailers', async () => {
    const { backend, proxy } = await scope.http2Pair((stream) =>
      answerWithTrailers(stream, 'answered', { checksum: '7' }),
    );
    const client = scope.keep(await H2Client.connect(proxy.port));
    const headers = { ':method': 'POST', ':path': '/x', cookie: ['a=1', 'b=2'], trailer: 'checksum' };
    const response = await client.request(headers, 'asked', { checksum: '8' });
    expect(response).toMatchObject({ status: 200, body: 'answered' });
    expect(response.trailers['checksum']).toBe('7');
    expect(backend.requests[0]!.headers['trailer']).toBe('checksum');
    expect(backend.requests[0]).toMatchObject({ body: 'asked', trailers: { checksum: '8' } });
    expect(backend.requests[0]!.headers).toMatchObject({ ':path': '/x', cookie: 'a=1; b=2' });
    expect(backend.requests[0]!.fields).not.toContain('transfer-encoding');
    await proxy.settled();
    expect(proxy.records[0]).toMatchObject({ protocol: 'HTTP/2', upstreamProtocol: 'HTTP/2' });
  });

  it('says with the head that a response has no more than that', async () => {
    // E15
    const { proxy } = await scope.http2Pair((stream) =>
      stream.respond({ ':status': 200, 'grpc-status': '5' }, { endStream: true }),
    );
    const client = scope.keep(await H2Client.connect(proxy.port));
    const stream = client.session.request({ ':path': '/', ':authority': 'a' });
    const [headers, flags] = (await once(stream, 'response')) as [Record<string, string>, number];
    expect(headers['grpc-status']).toBe('5');
    expect(flags & END_STREAM).toBe(END_STREAM);
    stream.resume();
    await proxy.settled();
  });

  it('keeps what was announced as the length of a body, and of the answer to HEAD', async () => {
    const { backend, proxy } = await scope.http2Pair((stream, { headers }) => {
      stream.respond({ ':status': 200, 'content-length': '5' });
      stream.end(headers[':method'] === 'HEAD' ? undefined : 'hello');
    });
    const client = scope.keep(await H2Client.connect(proxy.port));
    const post = { ':method': 'POST', ':path': '/', 'content-length': '3' };
    expect(await client.request(post, 'abc')).toMatchObject({
      body: 'hello',
      headers: { 'content-length': '5' },
    });
    expect(backend.requests[0]!.headers['content-length']).toBe('3');
    const head = await client.request({ ':method': 'HEAD', ':path': '/' });
    expect(head).toMatchObject({ body: '', headers: { 'content-length': '5' } });
    await proxy.settled();
  });

  it('carries several large bodies at a time, each in both directions', async () => {
    const { proxy } = await scope.http2Pair({
      onHeaders: (stream) => {
        stream.respond({ ':status': 200 });
        stream.pipe(stream);
      },
    });
    const client = scope.keep(await H2Client.connect(proxy.port));
    const bodies = Array.from({ length: 8 }, (_, i) => Buffer.alloc(1_000_000, `body ${i} `));
    const responses = await Promise.all(
      bodies.map((body) => client.request({ ':method': 'POST', ':path': '/' }, body)),
    );
    for (const [i, { body }] of responses.entries()) {
      expect(body === bodies[i]!.toString('latin1')).toBe(true);
    }
    await proxy.settled();
  });
});

describe('an HTTP/2 response that a backend must not send', () => {
  const scope = httpScope();

  const OK: [string, string] = [':status', '200'];
  it.each<[string, [string, string][]]>([
    // C01
    ['no status', [['x', '1']]],
    ['a status of four digits', [[':status', '2000']]],
    ['two statuses', [OK, [':status', '200']]],
    ['a request field', [OK, [':path', '/']]],
    ['two lengths', [OK, ['content-length', '1'], ['content-length', '1']]],
    ['a length that is no number', [OK, ['content-length', '+1']]],
    ['chunks', [OK, ['transfer-encoding', 'chunked']]],
    ['a connection field', [OK, ['connection', 'close']]],
    ['an upgrade', [OK, ['upgrade', 'websocket']]],
    ['a capital', [OK, ['X-Upper', '1']]],
    // C17
    ['a huge cookie', [OK, ['set-cookie', 'x'.repeat(40_000)]]],
    // C10
    ['too many fields', [OK, ...Array.from({ length: 150 }, (_, i): [string, string] => [`x-${i}`, '1'])]],
  ])('gives 502: %s', async (_, fields) => {
    const backend = scope.keep(
      await RawHttp2Backend.start((socket, id) => {
        const block = fieldBlock(fields);
        const first = block.subarray(0, 16_384);
        const rest = block.subarray(16_384);
        socket.write(frame(FrameType.Headers, rest.length > 0 ? 0 : END_HEADERS, id, first));
        for (let pos = 0; pos < rest.length; pos += 16_384) {
          const isLast = pos + 16_384 >= rest.length;
          socket.write(frame(9, isLast ? END_HEADERS : 0, id, rest.subarray(pos, pos + 16_384)));
        }
        socket.write(frame(FrameType.Data, END_STREAM, id, 'x'));
      }),
    );
    const proxy = await scope.proxy({ ports: [backend.port], appProtocol: 'h2c' });
    expect((await proxy.request(POST)).status).toBe(502);
    await proxy.settled();
    expect(proxy.passive.map(({ kind }) => kind)).toEqual(['failure']);
  });

  it.each<[string, [string, string]]>([
    ['no name', ['', '1']],
    ['a space in a name', ['x y', '1']],
    ['NUL', ['x', 'a\0b']],
    // C02
    ['a line end in a value', ['x', 'a\r\nset-cookie: b=1']],
    ['a line end in a name', ['x: 1\r\ny', '1']],
  ])('gives 502: a field that has %s', async (_, field) => {
    const backend = scope.keep(
      await RawHttp2Backend.start((socket, id) => {
        const block = fieldBlock([OK, ['before', '1'], field, ['after', '2']]);
        socket.write(frame(FrameType.Headers, END_HEADERS, id, block));
        socket.write(frame(FrameType.Data, END_STREAM, id, 'x'));
      }),
    );
    const proxy = await scope.proxy({ ports: [backend.port], appProtocol: 'h2c' });
    expect((await proxy.request(POST)).status).toBe(502);
    await proxy.settled();
  });

  it.each<[string, (socket: Socket, id: number) => void]>([
    // C08
    ['shorter than its length', (socket, id) => socket.write(frame(FrameType.Data, END_STREAM, id, 'hel'))],
    ['longer than its length', (socket, id) => socket.write(frame(FrameType.Data, END_STREAM, id, 'hello!'))],
    // C07, C12
    ['broken off', (socket, id) => socket.write(frame(FrameType.RstStream, 0, id, '\0\0\0\x02'))],
    ['lost with its connection', (socket) => socket.resetAndDestroy()],
    ['cut short with its connection', (socket) => socket.end()],
  ])('is cut off for the client: %s', async (_, end) => {
    const backend = scope.keep(
      await RawHttp2Backend.start((socket, id) => {
        const head = fieldBlock([OK, ['content-length', '5']]);
        socket.write(frame(FrameType.Headers, END_HEADERS, id, head));
        socket.write(frame(FrameType.Data, 0, id, 'h'));
        setTimeout(() => end(socket, id), 50);
      }),
    );
    const proxy = await scope.proxy({ ports: [backend.port], appProtocol: 'h2c' });
    const client = await proxy.connect();
    client.send(POST);
    expect(await client.closed()).toBe('reset');
    expect(client.received).toContain('HTTP/1.1 200 OK');
    await proxy.settled();
    expect(proxy.passive.map(({ kind }) => kind)).toEqual(['failure']);
  });

  it('gives 502: interim responses without end', async () => {
    // C15
    const { proxy } = await scope.http2Pair((stream) => {
      for (let i = 0; i < 100; i++) stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
      answer(stream, 'ok');
    });
    const client = await proxy.connect();
    client.send(GET);
    expect((await client.response('GET')).status).toBe(502);
    await proxy.settled();
  });

  it('gives 502: the port speaks HTTP/1.1', async () => {
    const backend = await scope.backend({
      onConnection: (socket) => void socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    });
    const proxy = await scope.proxy({ ports: [backend.port], appProtocol: 'h2c' });
    expect((await proxy.get()).status).toBe(502);
    await proxy.settled();
    expect(proxy.records[0]).toMatchObject({ error: 'UPSTREAM_PROTOCOL' });
  });
});

describe('HTTP/2 sessions to backends', () => {
  const scope = httpScope();

  it('are opened elsewhere when an endpoint refuses, whatever the method', async () => {
    // D01
    const backend = await scope.http2Backend();
    const [refused] = await freePorts(1);
    const proxy = await scope.proxy({ ports: [refused!, backend.port], appProtocol: 'h2c' });
    for (let i = 0; i < 6; i++) expect((await proxy.request(POST)).status).toBe(200);
    expect(backend.requests).toHaveLength(6);
    expect(backend.opened).toBe(1);
    await proxy.settled();
  });

  it('are opened elsewhere when an endpoint accepts and says nothing', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    scope.keep({ close: async () => void silent.close() });
    const backend = await scope.http2Backend();
    const proxy = await scope.proxy({
      ports: [(silent.address() as AddressInfo).port, backend.port],
      appProtocol: 'h2c',
      config: { resilience: resilience({ timeouts: { connectMs: 600, responseHeaderMs: 60_000 } }) },
    });
    const replies = await Promise.all(Array.from({ length: 10 }, () => proxy.request(POST)));
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    await proxy.settled();
    await eventually('the silent endpoint was blamed', () =>
      proxy.passive.some(({ detail }) => detail === 'UPSTREAM_CONNECT_TIMEOUT'),
    );
    await eventually('its connections are gone', () => proxy.worker.backendConnections === 1);
  });

  it('give requests that their backend has not looked at to another endpoint', async () => {
    // E14
    const leaving = await scope.http2Backend({
      onHeaders: (stream, _, number) => {
        if (number === 1) setTimeout(() => answer(stream, 'the first'), 300);
        // The last stream that was looked at is the first; the second came too late.
        if (number === 2) stream.session!.goaway(0, 1);
      },
    });
    const other = await scope.http2Backend({ name: 'other' });
    const proxy = await scope.proxy({ ports: [leaving.port, other.port], appProtocol: 'h2c' });
    const first = proxy.request(POST);
    await eventually('the first is there', () => leaving.requests.length === 1);
    await proxy.request(POST);
    const second = proxy.request(POST);
    expect((await second).body).toBe('other');
    expect((await first).body).toBe('the first');
    expect(leaving.requests).toHaveLength(2);
    expect(other.requests.map(({ body }) => body)).toEqual(['hello', 'hello']);
    expect(proxy.records.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
    expect(proxy.passive.filter(({ kind }) => kind === 'failure')).toEqual([]);
    await proxy.settled();
  });

  it('do not repeat what their backend may have looked at', async () => {
    // E14
    const leaving = await scope.http2Backend({
      onHeaders: (stream) => {
        stream.session!.goaway(11, stream.id);
      },
    });
    const other = await scope.http2Backend({ name: 'other' });
    const proxy = await scope.proxy({ ports: [leaving.port, other.port], appProtocol: 'h2c' });
    expect((await proxy.request(POST)).status).toBe(502);
    expect(other.requests).toHaveLength(0);
    await proxy.settled();
  });

  it('repeat a refused stream once, whatever its method, also when the budget is used up', async () => {
    const refusing = await scope.http2Backend((stream) => stream.close(7));
    const other = await scope.http2Backend({ name: 'other' });
    const { retries } = resilience();
    const config = {
      resilience: resilience({ retries: { ...retries, budget: { percent: 0, minPerSecond: 0 } } }),
    };
    const proxy = await scope.proxy({ ports: [refusing.port, other.port], appProtocol: 'h2c', config });
    for (let i = 0; i < 4; i++) expect((await proxy.request(POST)).body).toBe('other');
    proxy.update({ ports: [refusing.port], appProtocol: 'h2c', config });
    const response = await proxy.request(POST);
    expect(response).toMatchObject({
      status: 503,
      body: '503 the backend took no further request (UPSTREAM_REFUSED_STREAM)\n',
    });
    expect(proxy.passive.filter(({ kind }) => kind === 'failure')).toEqual([]);
    await proxy.settled();
  });

  it('leave a request alone that failed for another reason', async () => {
    // D02
    const backend = await scope.http2Backend((stream) => stream.close(2));
    const other = await scope.http2Backend({ name: 'other' });
    const proxy = await scope.proxy({ ports: [backend.port, other.port], appProtocol: 'h2c' });
    expect((await proxy.request(POST)).status).toBe(502);
    expect(other.requests).toHaveLength(0);
    // D03
    await proxy.get();
    expect((await proxy.get()).body).toBe('other');
    await proxy.settled();
  });

  it('that were lost are opened anew', async () => {
    const { backend, proxy } = await scope.http2Pair();
    expect((await proxy.get()).status).toBe(200);
    await backend.kill();
    await backend.listen();
    await eventually('it answers again', async () => (await proxy.get()).status === 200);
    expect(backend.opened).toBe(2);
    await proxy.settled();
  });

  it('that were lost are not given the requests again that were lost with them', async () => {
    const script: RawHttp2Script = (socket, id, number) => {
      if (number === 4) socket.destroy();
      if (number !== 1 && number <= 4) return;
      socket.write(frame(FrameType.Headers, END_STREAM | END_HEADERS, id, fieldBlock([[':status', '204']])));
    };
    const backend = scope.keep(await RawHttp2Backend.start(script));
    const proxy = await scope.proxy({ ports: [backend.port], appProtocol: 'h2c' });
    await proxy.get();
    const responses = await Promise.all([proxy.get(), proxy.get(), proxy.get()]);
    expect(responses.map(({ status }) => status)).toEqual([204, 204, 204]);
    expect(backend.opened).toBe(2);
    await proxy.settled();
  });

  it('end when their backend closes them in good order, without any request failing', async () => {
    const a = await scope.http2Backend({ name: 'a' });
    const b = await scope.http2Backend({ name: 'b' });
    const proxy = await scope.proxy({ ports: [a.port, b.port], appProtocol: 'h2c' });
    let failed = 0;
    const load = new AbortController();
    const clients = Array.from({ length: 10 }, async () => {
      const client = await proxy.connect();
      while (!load.signal.aborted) if ((await client.request(POST)).status !== 200) failed += 1;
    });
    for (let i = 0; i < 20; i++) {
      for (const session of a.sessions) session.close();
      const before = a.requests.length;
      await eventually('it is used again', () => a.requests.length > before + 20);
    }
    load.abort();
    await Promise.all(clients);
    expect(failed).toBe(0);
    expect(a.opened).toBeGreaterThan(10);
    await proxy.settled();
  });

  it('are closed by their backend without loss to a client that has not taken its response yet', async () => {
    const size = 8_000_000;
    const { backend, proxy } = await scope.http2Pair((stream) => answer(stream, 'x'.repeat(size)));
    const client = await proxy.connect();
    client.socket.pause();
    client.send(GET);
    await eventually('the backend has begun', () => backend.requests.length === 1);
    backend.shutDown();
    client.socket.resume();
    expect((await client.response()).body.length).toBe(size);
    await eventually('the session is gone', () => backend.connections === 0);
    await proxy.settled();
  });

  it('are asked for a sign of life when a request was given up, and given up themselves without one', async () => {
    const backend = scope.keep(await RawHttp2Backend.start(() => {}));
    const proxy = await scope.proxy({ ports: [backend.port], appProtocol: 'h2c' });
    const giveUp = async (requests: number) => {
      const client = await proxy.connect();
      client.send(GET);
      const isThere = () => backend.frames.filter((type) => type === FrameType.Headers).length === requests;
      await eventually('the request is there', isThere);
      client.close();
    };
    await giveUp(1);
    await eventually('it is asked', () => backend.frames.includes(FrameType.Ping));
    expect(backend.opened).toBe(1);
    await eventually('the session is gone', () => proxy.worker.backendConnections === 0);
    await giveUp(2);
    expect(backend.opened).toBe(2);
    await proxy.settled();
  });

  it('stay when they are slow and alive', async () => {
    const { backend, proxy } = await scope.http2Pair({ onHeaders: () => {} });
    for (let i = 1; i <= 3; i++) {
      const client = await proxy.connect();
      client.send(GET);
      await eventually('the request is there', () => backend.requests.length === i);
      client.close();
    }
    await proxy.settled();
    expect(backend.opened).toBe(1);
    expect(proxy.worker.sessions.idle).toBe(1);
  });

  it('that end in the moment in which a request is given up hurt nobody', async () => {
    const { backend, proxy } = await scope.http2Pair({ onHeaders: () => {} });
    for (let i = 1; i <= 20; i++) {
      const clients = await Promise.all([proxy.connect(), proxy.connect()]);
      for (const client of clients) client.send(GET);
      await eventually('the requests are there', () => backend.requests.length === i * 2);
      for (const session of backend.sessions) session.destroy();
      for (const client of clients) client.close();
    }
    await proxy.settled();
  });

  it('are not lost with all they have to a backend that bears few resets', async () => {
    // As many as the strictest of the common servers do.
    const { backend, proxy } = await scope.http2Pair({
      resets: { burst: 200, rate: 7 },
      onHeaders: (stream, { headers }) => {
        if (headers[':path'] === '/whole') answer(stream, 'whole');
        if (headers[':path'] === '/long') stream.respond({ ':status': 200 });
      },
    });
    const innocent = scope.keep(await H2Client.connect(proxy.port));
    const long = innocent.session.request({ ':path': '/long', ':authority': 'a' });
    await once(long, 'response');
    long.on('error', () => {}).resume();
    for (let round = 0; round < 10; round++) {
      const client = await H2Client.connect(proxy.port);
      const given = Array.from({ length: 50 }, () =>
        client.session.request({ ':path': '/', ':authority': 'a' }),
      );
      for (const stream of given) stream.on('error', () => {});
      await eventually('they are there', () => backend.requests.length === 1 + 51 * round + 50);
      await client.close();
      await eventually('they were given up', () => proxy.worker.exchanges === 1);
      expect((await innocent.get('/whole')).body).toBe('whole');
    }
    expect(long.closed).toBe(false);
    expect(proxy.passive.filter(({ kind }) => kind === 'failure')).toEqual([]);
    // Not one for each, either.
    expect(backend.opened).toBeLessThanOrEqual(10);
    long.close();
    await proxy.settled();
  });

  it('take nothing new once their endpoint is gone, and end with what they have', async () => {
    const waiting: (() => void)[] = [];
    const backend = await scope.http2Backend((stream) => waiting.push(() => answer(stream, 'late')));
    const other = await scope.http2Backend({ name: 'other' });
    const proxy = await scope.proxy({ ports: [backend.port], appProtocol: 'h2c' });
    const late = proxy.get();
    await eventually('it is under way', () => waiting.length === 1);
    proxy.update({ ports: [other.port], appProtocol: 'h2c' });
    expect((await proxy.get()).body).toBe('other');
    expect(backend.connections).toBe(1);
    waiting[0]!();
    expect((await late).body).toBe('late');
    await eventually('the session is closed', () => backend.connections === 0);
    await proxy.settled();
  });

  it('are of one client each where backends are told of it, which they are first of all', async () => {
    const seen: string[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (bytes: Buffer) => seen.push(bytes.toString('latin1')));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    scope.keep({ close: async () => void server.close() });
    const proxy = await scope.proxy({
      ports: [(server.address() as AddressInfo).port],
      appProtocol: 'h2c',
      config: poolConfig({
        backends: [{ name: 'v1', appProtocol: 'h2c' }],
        backendProxyProtocol: 'V1',
        resilience: resilience({ timeouts: { connectMs: 300, responseHeaderMs: 60_000 } }),
      }),
    });
    const replies = [proxy.get(), proxy.get()];
    await eventually('both have come', () => seen.length >= 2);
    for (const start of seen)
      expect(start).toMatch(/^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nPRI \* HTTP\/2/);
    await Promise.all(replies);
    await proxy.settled();
  });
});
