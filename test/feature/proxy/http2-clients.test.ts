import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  backendRef,
  endpoint,
  listener,
  poolConfig,
  resilience,
  route,
  routeMatch,
} from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { ok } from '../../support/http/backend.ts';
import { httpScope } from '../../support/http/scope.ts';
import { seededRng } from '../../support/seeded-rng.ts';
import type { H2Client } from '../../support/http2/client.ts';
import {
  data,
  Flag,
  frame,
  FrameType,
  get,
  headers,
  post,
  PREFACE,
  settings,
  windowUpdate,
} from '../../support/http2/frames.ts';
import { RawH2Client } from '../../support/http2/raw-client.ts';

const MiB = 1_048_576;

describe('a client that speaks HTTP/2', () => {
  const scope = httpScope();

  it('is served by prior knowledge, on the port that serves HTTP/1.1', async () => {
    const { backend, proxy } = await scope.pair(({ socket }) =>
      socket.write(ok('hello', 'X-Answer: 42\r\n')),
    );
    const client = await scope.h2(proxy);
    const response = await client.get('/a?b=c', { 'x-name': 'value' });
    expect(response).toMatchObject({ status: 200, body: 'hello', headers: { 'x-answer': '42' } });
    expect(backend.requests[0]).toMatchObject({ method: 'GET', target: '/a?b=c' });
    expect(backend.requests[0]!.header('host')).toBe('example.com');
    expect(backend.requests[0]!.header('x-name')).toBe('value');
    expect(await proxy.get('/')).toMatchObject({ status: 200, body: 'hello' });
    expect(proxy.records.map(({ protocol }) => protocol)).toEqual(['HTTP/2', 'HTTP/1.1']);
  });

  it('is known by its first bytes, however they come', async () => {
    const { proxy } = await scope.pair(({ socket }) => socket.write(ok('hello')));
    const client = scope.keep(await RawH2Client.open(proxy.port));
    const bytes = Buffer.concat([PREFACE, settings(), headers(1, get())]);
    for (const byte of bytes) {
      client.send(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.ended(1)).toBe('complete');
    expect(client.content(1).toString()).toBe('hello');
  });

  it('has every request balanced by itself', async () => {
    const backends = await Promise.all(['a', 'b', 'c', 'd'].map((name) => scope.backend({ name })));
    const proxy = await scope.proxy({
      ports: backends.map(({ port }) => port),
      config: { loadBalancing: { ...poolConfig().loadBalancing, algorithm: 'RoundRobin' } },
    });
    const client = await scope.h2(proxy);
    for (let i = 0; i < 25; i++) {
      await Promise.all(Array.from({ length: 40 }, () => client.get('/')));
    }
    // E18
    for (const { requests } of backends) expect(requests.length).toBe(250);
  });

  it('learns nothing of how its backend frames and keeps connections', async () => {
    const { proxy } = await scope.pair(({ socket }) =>
      socket.write(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive, x-mine\r\nKeep-Alive: timeout=9\r\n' +
          'X-Kept: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      ),
    );
    const { headers: seen, body } = await (await scope.h2(proxy)).get('/');
    expect(body).toBe('hello');
    expect(Object.keys(seen).toSorted()).toEqual([':status', 'set-cookie', 'x-kept']);
    expect(seen['set-cookie']).toEqual(['a=1', 'b=2']);
  });

  it('has its cookies joined to one line', async () => {
    const { backend, proxy } = await scope.pair();
    const client = await scope.rawH2(proxy);
    client.send(
      headers(
        1,
        get('/', [
          ['cookie', 'a=1'],
          ['x-between', '1'],
          ['cookie', 'b=2; c=3'],
        ]),
      ),
    );
    expect(await client.ended(1)).toBe('complete');
    expect(backend.requests[0]!.head.match(/^cookie:.*$/gim)).toEqual(['cookie: a=1; b=2; c=3']);
  });

  it('may name itself in Host alone', async () => {
    const { backend, proxy } = await scope.pair();
    const client = await scope.rawH2(proxy);
    const fields = get('/', [['host', 'other.example']]).filter(([name]) => name !== ':authority');
    client.send(headers(1, fields));
    expect(await client.ended(1)).toBe('complete');
    expect(backend.requests[0]!.header('host')).toBe('other.example');
  });

  it.each(['HEAD', 'GET'])('gets no body where there is none: %s', async (method) => {
    const { proxy } = await scope.pair(({ socket }) =>
      socket.write(
        method === 'HEAD'
          ? 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'
          : 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
      ),
    );
    const response = await (await scope.h2(proxy)).request({ ':method': method, ':path': '/' });
    expect(response).toMatchObject({ status: method === 'HEAD' ? 200 : 304, body: '' });
    expect(response.headers['content-length']).toBe('5');
  });

  it('gets interim responses, and 100 only when it asks for it', async () => {
    const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n';
    const { proxy } = await scope.pair({
      onConnection: (socket) =>
        socket.on('data', (bytes: Buffer) => {
          if (bytes.includes(' HTTP/1.1')) socket.write(`HTTP/1.1 100 Continue\r\n\r\n${hints}`);
          if (bytes.includes('GET') || bytes.includes('0\r\n\r\n')) socket.write(ok('done'));
        }),
    });
    const client = await scope.h2(proxy);
    expect(await client.get('/')).toMatchObject({ interim: [103], body: 'done' });
    const posted = await client.request({ ':method': 'POST', ':path': '/', expect: '100-continue' }, 'body');
    expect(posted).toMatchObject({ interim: [100, 103], body: 'done' });
  });

  it('gets the routes, redirects, header changes and refusals of the port', async () => {
    const { proxy } = await scope.pair(({ socket }) => socket.write(ok('hello')), {
      listeners: [listener({ limits: { bodyMatchBytes: 100, maxRequestBodyBytes: 10 } })],
      routes: [
        route({
          name: 'moved',
          matches: [routeMatch({ path: { type: 'Exact', value: '/moved' } })],
          filters: [{ type: 'RequestRedirect', statusCode: 301, hostname: 'new.example' }],
          backendRefs: [],
        }),
        route({
          name: 'changed',
          matches: [routeMatch({ path: { type: 'Exact', value: '/changed' } })],
          filters: [
            {
              type: 'ResponseHeaderModifier',
              set: [{ name: 'X-New', value: '1' }],
              add: [],
              remove: ['x-old'],
            },
          ],
          backendRefs: [backendRef()],
        }),
      ],
    });
    const client = await scope.h2(proxy);
    expect((await client.get('/moved')).headers).toMatchObject({
      ':status': 301,
      location: 'http://new.example:8080/moved',
    });
    expect((await client.get('/changed')).headers['x-new']).toBe('1');
    expect(
      await client.request({ ':method': 'POST', ':path': '/', 'content-length': 11 }, 'x'.repeat(11)),
    ).toMatchObject({
      status: 413,
    });
    expect(await client.request({ ':method': 'POST', ':path': '/' }, 'x'.repeat(11))).toMatchObject({
      status: 413,
    });
  });

  it('is told why nothing can serve it', async () => {
    const proxy = await scope.proxy({ ports: [] });
    const response = await (await scope.h2(proxy)).get('/');
    expect(response).toMatchObject({
      status: 503,
      body: '503 the backends have no endpoints (NO_ENDPOINTS)\n',
    });
    expect(response.headers['retry-after']).toBe('1');
  });

  it('carries large bodies unchanged in both directions', async () => {
    const block = randomBytes(300_000);
    const { proxy } = await scope.pair(({ request, socket }) => {
      if (request.method === 'POST') {
        socket.write(ok(createHash('sha256').update(Buffer.from(request.body, 'latin1')).digest('hex')));
        return;
      }
      socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n`);
      for (let i = 0; i < 10; i++) {
        socket.write(`${block.length.toString(16)}\r\n`);
        socket.write(block);
        socket.write('\r\n');
      }
      socket.write('0\r\n\r\n');
    });
    const client = await scope.h2(proxy);
    const down = await client.get('/');
    expect(down.body.length).toBe(3_000_000);
    expect(down.body.slice(-300_000)).toBe(block.toString('latin1'));
    const body = randomBytes(3 * MiB);
    const digest = createHash('sha256').update(body).digest('hex');
    expect(await client.request({ ':method': 'POST', ':path': '/' }, body)).toMatchObject({ body: digest });
    const length = { 'content-length': body.length };
    expect(await client.request({ ':method': 'POST', ':path': '/', ...length }, body)).toMatchObject({
      body: digest,
    });
  });

  it('has trailers carried both ways, to and from chunks', async () => {
    const seen: string[] = [];
    const { proxy } = await scope.pair({
      onConnection: (socket) =>
        socket.on('data', (bytes: Buffer) => {
          seen.push(bytes.toString('latin1'));
          if (!seen.join('').includes('0\r\n')) return;
          socket.write(
            'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n5\r\nhello\r\n',
          );
          setImmediate(() => socket.write('0\r\nX-Sum: 1\r\nX-Sum: 2\r\nContent-Length: 9\r\n\r\n'));
        }),
    });
    const client = await scope.h2(proxy);
    const response = await client.request(
      { ':method': 'POST', ':path': '/', trailer: 'x-checksum' },
      'body',
      { 'x-checksum': 'abc', authorization: 'x' },
    );
    // Who announces them is believed by servers that take no others (net/http of Go).
    expect(response.headers['trailer']).toBe('x-sum');
    expect(seen.join('')).toContain('\r\ntrailer: x-checksum\r\n');
    expect(response).toMatchObject({ body: 'hello', trailers: { 'x-sum': '1, 2' } });
    // A18
    expect(Object.keys(response.trailers)).toEqual(['x-sum']);
    expect(seen.join('')).toMatch(/\r\n0\r\nx-checksum: abc\r\n\r\n$/);
  });

  it('gets trailers of a response that is complete at once', async () => {
    const { proxy } = await scope.pair(({ socket }) =>
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n'),
    );
    expect(await (await scope.h2(proxy)).get('/')).toMatchObject({ body: 'hi', trailers: { 'x-sum': '1' } });
  });

  it('has its requests tried again where that is right', async () => {
    const good = await scope.backend(({ socket }) => socket.write(ok('good')));
    const bad = await scope.backend(({ socket }) => socket.destroy());
    const proxy = await scope.proxy({
      ports: [bad.port, good.port],
      config: { loadBalancing: { ...poolConfig().loadBalancing, algorithm: 'RoundRobin' } },
    });
    const client = await scope.h2(proxy);
    expect(await client.get('/')).toMatchObject({ status: 200, body: 'good' });
    expect(bad.requests.length).toBe(1);
  });

  it('has requests routed by their bodies', async () => {
    const backends = await Promise.all(['v1', 'v2'].map((name) => scope.backend({ name })));
    const proxy = await scope.proxy({
      endpoints: Object.fromEntries(backends.map(({ port }, i) => [`v${i + 1}`, [endpoint({ port })]])),
      config: {
        routes: [
          route({
            matches: [
              routeMatch({
                body: {
                  type: 'JSON',
                  jsonPath: '$.model',
                  value: { type: 'Exact', value: 'large' },
                  onUnreadable: 'NoMatch',
                },
              }),
            ],
            backendRefs: [backendRef({ name: 'v2' })],
          }),
        ],
      },
    });
    const client = await scope.h2(proxy);
    const json = { 'content-type': 'application/json' };
    const large = JSON.stringify({ model: 'large' });
    expect(await client.request({ ':method': 'POST', ':path': '/', ...json }, large)).toMatchObject({
      body: 'v2',
    });
    const small = JSON.stringify({ model: 'small' });
    expect(await client.request({ ':method': 'POST', ':path': '/', ...json }, small)).toMatchObject({
      body: 'v1',
    });
    expect(backends[1]!.requests[0]!.body).toBe(large);
  });
});

describe('a request over HTTP/2 that does not end as it should', () => {
  const scope = httpScope();

  // D10
  it('leaves nothing behind, in whatever state its client drops it', async () => {
    const { proxy } = await scope.pair(({ request, socket }) => {
      if (request.target === '/whole') socket.write(ok('x'.repeat(2_000)));
      if (request.target === '/half')
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    });
    const rng = seededRng(5);
    const wrong: string[] = [];
    const drop = async (client: H2Client): Promise<void> => {
      const path = ['/whole', '/half', '/silent'][Math.floor(rng() * 3)]!;
      const hasBody = rng() < 0.3;
      const stream = client.session.request(
        { ':method': hasBody ? 'POST' : 'GET', ':path': path, ':authority': 'a' },
        { endStream: !hasBody },
      );
      let size = 0;
      stream.on('error', () => {}).on('data', (bytes: Buffer) => (size += bytes.length));
      if (hasBody) stream.write(Buffer.alloc(30_000));
      if (hasBody && rng() < 0.5) stream.end();
      setTimeout(() => stream.close(8), rng() * 40);
      await new Promise((resolve) => stream.on('close', resolve));
      if (stream.rstCode === 0 && size !== 2_000) wrong.push(`${path}: ${size}`);
    };
    for (let round = 0; round < 10; round++) {
      const client = await scope.h2(proxy);
      await Promise.all(Array.from({ length: 60 }, () => drop(client)));
      await client.close();
    }
    expect(wrong).toEqual([]);
    await proxy.emptied();
  });

  // F06
  it('is held up while its backend takes nothing', async () => {
    const { backend, proxy } = await scope.pair({ onConnection: (socket) => socket.pause() });
    const client = await scope.h2(proxy);
    const stream = client.session.request({ ':method': 'POST', ':path': '/', ':authority': 'a' });
    stream.on('error', () => {});
    const block = Buffer.alloc(MiB);
    let written = 0;
    const pour = () => {
      while (written < 64 && stream.write(block)) written += 1;
    };
    stream.on('drain', pour);
    pour();
    await eventually('nothing moves any more', async () => {
      const before = written;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return backend.connections === 1 && written === before;
    });
    // What the kernel's buffers hold is not ours.
    expect(written).toBeLessThan(32);
    stream.close(8);
    await proxy.settled();
    const { bytesIn } = proxy.records.at(-1)!;
    expect(bytesIn).toBeLessThan(32 * MiB);
  });

  // C08
  it('is reset when its response breaks off', async () => {
    const { proxy } = await scope.pair(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello');
      setImmediate(() => socket.end());
    });
    const client = await scope.rawH2(proxy);
    client.send(headers(1, get()));
    expect(await client.ended(1)).toEqual({ reset: 2 });
    await client.pong();
    await proxy.settled();
  });

  // D10
  it.each(['before its response', 'in the middle of its response', 'in the middle of its body'])(
    'takes its backend with it when it is cancelled %s',
    async (when) => {
      const { backend, proxy } = await scope.pair({
        onHead: ({ socket }) => {
          if (when === 'in the middle of its response')
            socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello');
        },
      });
      const client = await scope.rawH2(proxy);
      const hasBody = when === 'in the middle of its body';
      client.send(headers(1, hasBody ? post() : get(), hasBody ? 0 : Flag.EndStream));
      if (hasBody) client.send(data(1, 'half'));
      await eventually('the backend has it', () => backend.requests.length === 1);
      if (when === 'in the middle of its response') await client.status(1);
      // NO_ERROR as well: a body that breaks off is not whole, whatever the code.
      client.send(Buffer.from('00000403000000000100000000', 'hex'));
      await eventually('the backend connection is gone', () => backend.sockets.size === 0);
      await proxy.settled();
      expect(proxy.records.at(-1)).toMatchObject({ error: 'DOWNSTREAM_CLOSED' });
      await client.pong();
    },
  );

  it('is told to stop sending when it was answered early', async () => {
    const { proxy } = await scope.pair({ onHead: ({ socket }) => socket.write(ok('no need')) });
    const client = await scope.rawH2(proxy);
    client.send(headers(1, post(), 0), data(1, 'x'.repeat(100)));
    expect(await client.ended(1)).toBe('complete');
    await client.frame('a reset', ({ type, stream }) => type === FrameType.RstStream && stream === 1);
    expect(client.frames.find(({ type }) => type === FrameType.RstStream)!.payload.readUInt32BE()).toBe(0);
    await proxy.settled();
  });

  it('has all of a response that comes in pieces before its own body is complete', async () => {
    const { backend, proxy } = await scope.pair({
      onHead: ({ socket }) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
    });
    const client = await scope.rawH2(proxy);
    client.send(headers(1, post(), 0));
    expect(await client.status(1)).toBe(200);
    for (const socket of backend.sockets) socket.write('2\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n');
    expect(await client.ended(1)).toBe('complete');
    expect(client.content(1).toString()).toBe('hi');
    await client.frame('a reset', ({ type, stream }) => type === FrameType.RstStream && stream === 1);
    await proxy.settled();
  });

  it('has its refusal for as long as any response, when it takes it later', async () => {
    const { proxy } = await scope.pair();
    // SETTINGS_INITIAL_WINDOW_SIZE
    const client = await scope.rawH2(proxy, settings([[4, 0]]));
    client.send(headers(1, get('/%zz')));
    expect(await client.status(1)).toBe(400);
    // Longer than it takes to look after streams that nobody takes.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    client.send(windowUpdate(1, 1_000));
    expect(await client.ended(1)).toBe('complete');
    expect(client.content(1).toString()).toContain('400');
  });

  it('ends with its time limit', async () => {
    const { proxy } = await scope.pair(() => {}, {
      routes: [route({ timeouts: { requestMs: 200 } })],
    });
    expect(await (await scope.h2(proxy)).get('/')).toMatchObject({ status: 504 });
  });

  it('ends when its backend says nothing for too long', async () => {
    const { proxy } = await scope.pair(() => {}, {
      resilience: resilience({ timeouts: { connectMs: 2_000, responseHeaderMs: 200 } }),
    });
    expect(await (await scope.h2(proxy)).get('/')).toMatchObject({ status: 504 });
  });
});

describe('an HTTP/2 connection', () => {
  const scope = httpScope();

  it('is closed when no request comes', async () => {
    const { proxy } = await scope.pair(undefined, {
      listeners: [listener({ timeouts: { ...listener().timeouts, requestHeaderMs: 200 } })],
    });
    const client = await scope.rawH2(proxy);
    expect(await client.goaway()).toBe(0);
    await client.closed();
    await proxy.emptied();
  });

  it('is closed when it has been idle', async () => {
    const { proxy } = await scope.pair(undefined, {
      listeners: [listener({ timeouts: { ...listener().timeouts, idleMs: 200 } })],
    });
    const client = await scope.rawH2(proxy);
    client.send(headers(1, get()));
    expect(await client.ended(1)).toBe('complete');
    expect(await client.goaway()).toBe(0);
    await proxy.emptied();
  });

  it('goes with its client', async () => {
    const { backend, proxy } = await scope.pair(() => {});
    const client = await scope.rawH2(proxy);
    client.send(headers(1, get()));
    await eventually('the backend has it', () => backend.requests.length === 1);
    client.socket.end();
    await eventually('the backend connection is gone', () => backend.sockets.size === 0);
    await proxy.emptied();
  });

  it('loses nothing when the port drains', async () => {
    const { backend, proxy } = await scope.pair(() => {});
    const client = await scope.rawH2(proxy);
    const goaways = () =>
      client.frames
        .filter(({ type }) => type === FrameType.Goaway)
        .map(({ payload }) => [payload.readUInt32BE(), payload.readUInt32BE(4)]);
    client.send(headers(1, get('/first')));
    await eventually('the backend has it', () => backend.requests.length === 1);
    proxy.handler.drain();
    // A notice first (RFC 9113 section 6.8): what is on its way is served.
    expect(await client.goaway()).toBe(0);
    expect(goaways()).toEqual([[2 ** 31 - 1, 0]]);
    const ping = await client.frame('a PING', ({ type, flags }) => type === FrameType.Ping && flags === 0);
    client.send(headers(3, get('/second')), frame(FrameType.Ping, Flag.Ack, 0, ping.payload));
    await client.frame('the last GOAWAY', () => goaways().length === 2);
    // The last one that is served: a client may send what came behind it again, elsewhere.
    expect(goaways()[1]).toEqual([3, 0]);
    client.send(headers(5, get('/third')));
    await client.pong();
    await eventually('the backend has both', () => backend.requests.length === 2);
    for (const socket of backend.sockets) socket.write(ok('done'));
    expect(await client.ended(1)).toBe('complete');
    expect(await client.ended(3)).toBe('complete');
    await client.closed();
    expect(backend.requests.map(({ target }) => target)).toEqual(['/first', '/second']);
    await proxy.emptied();
  });

  it('ends with the port also when it does not answer', async () => {
    const { proxy } = await scope.pair();
    const client = await scope.rawH2(proxy);
    proxy.handler.drain();
    await client.closed();
    await proxy.emptied();
  });

  // E14
  it('lets what is under way end when the client says goodbye', async () => {
    const { backend, proxy } = await scope.pair(() => {});
    const client = await scope.rawH2(proxy);
    client.send(headers(1, get()));
    await eventually('the backend has it', () => backend.requests.length === 1);
    client.send(frame(FrameType.Goaway, 0, 0, Buffer.alloc(8)));
    await client.pong();
    for (const socket of backend.sockets) socket.write(ok('done'));
    expect(await client.ended(1)).toBe('complete');
    await client.closed();
    await proxy.emptied();
  });

  it('ends at once when the port is destroyed', async () => {
    const { backend, proxy } = await scope.pair(() => {});
    const client = await scope.rawH2(proxy);
    client.send(headers(1, get()));
    await eventually('the backend has it', () => backend.requests.length === 1);
    proxy.handler.destroy();
    await client.closed();
    await proxy.emptied();
  });

  it('counts against the connections of its listener', async () => {
    const { proxy } = await scope.pair(undefined, {
      listeners: [listener({ limits: { bodyMatchBytes: 100, maxConnections: 1 } })],
    });
    await scope.rawH2(proxy);
    const second = connect(proxy.port, '127.0.0.1');
    await new Promise((resolve) => second.on('close', resolve).on('error', () => {}));
    expect(proxy.handler.connections).toBe(1);
  });

  it('is told of by the PROXY protocol like any other', async () => {
    const { backend, proxy } = await scope.pair(undefined, {
      listeners: [listener({ proxyProtocol: { mode: 'Required', trustedCIDRs: ['127.0.0.0/8'] } })],
    });
    const client = scope.keep(await RawH2Client.open(proxy.port));
    client.send(
      Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n'),
      PREFACE,
      settings(),
      headers(1, get()),
    );
    expect(await client.ended(1)).toBe('complete');
    expect(backend.requests[0]!.header('x-forwarded-for')).toBe('192.0.2.7');
  });
});
