import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Route } from '../../../api/snapshot.ts';
import { backendRef, endpoint, listener, poolConfig, route, routeMatch } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { ok } from '../../support/http/backend.ts';
import { httpScope } from '../../support/http/scope.ts';

const JSON_BODY = '{"model":"large","n":1}';

describe('what a route does to a request', () => {
  const scope = httpScope();

  it('sends each path to the backend that its route names', async () => {
    const [api, rest] = await Promise.all([scope.backend({ name: 'api' }), scope.backend({ name: 'rest' })]);
    const proxy = await scope.proxy({
      endpoints: { api: [endpoint({ port: api.port })], rest: [endpoint({ port: rest.port })] },
      config: {
        routes: [
          route({
            name: 'api',
            matches: [routeMatch({ path: { type: 'PathPrefix', value: '/api' } })],
            backendRefs: [backendRef({ name: 'api' })],
          }),
        ],
        defaultBackendRefs: [backendRef({ name: 'rest' })],
      },
    });
    expect((await proxy.get('/api/x')).body).toBe('api');
    expect((await proxy.get('/apix')).body).toBe('rest');
    expect(proxy.records.map(({ meter }) => meter?.route)).toEqual(['api', '']);
  });

  it('answers 404 where no route takes it', async () => {
    const { proxy } = await scope.pair({}, { defaultBackendRefs: [] });
    expect(await proxy.get()).toMatchObject({
      status: 404,
      body: '404 no route takes this request (NO_ROUTE)\n',
    });
    expect(proxy.records[0]).toMatchObject({ status: 404, error: 'NO_ROUTE', attempts: 0, meter: undefined });
  });

  it('changes headers, path and host', async () => {
    const { proxy, backend } = await scope.pair(
      ({ socket }) => socket.write(ok('x', 'X-Internal: 1\r\nServer: hidden\r\n')),
      {
        routes: [
          route({
            matches: [routeMatch({ path: { type: 'PathPrefix', value: '/old' } })],
            filters: [
              {
                type: 'RequestHeaderModifier',
                set: [{ name: 'X-Tier', value: 'gold' }],
                add: [],
                remove: ['x-secret'],
              },
              {
                type: 'ResponseHeaderModifier',
                set: [{ name: 'Server', value: 'ours' }],
                add: [],
                remove: ['X-Internal'],
              },
              {
                type: 'URLRewrite',
                hostname: 'inside.example',
                path: { type: 'ReplacePrefixMatch', value: '/new' },
              },
            ],
          }),
        ],
      },
    );
    const response = await proxy.get('/old/a?b=1', 'X-Secret: 1\r\nX-Tier: bronze\r\n');
    expect(response.header('server')).toBe('ours');
    expect(response.header('x-internal')).toBeUndefined();
    const [seen] = backend.requests;
    expect(seen!.target).toBe('/new/a?b=1');
    expect(seen!.header('host')).toBe('inside.example');
    expect(seen!.header('x-tier')).toBe('gold');
    expect(seen!.header('x-secret')).toBeUndefined();
  });

  it('redirects by itself', async () => {
    const { proxy, backend } = await scope.pair(
      {},
      { routes: [route({ filters: [{ type: 'RequestRedirect', scheme: 'https', statusCode: 308 }] })] },
    );
    const response = await proxy.get('/a?b=1');
    expect(response.status).toBe(308);
    expect(response.header('location')).toBe('https://example.com/a?b=1');
    expect(backend.requests).toHaveLength(0);
  });

  it('answers by itself with what the route says', async () => {
    const direct = (path: string, filters: Route['filters']): Route =>
      route({
        name: path.slice(1),
        matches: [routeMatch({ path: { type: 'Exact', value: path } })],
        filters,
      });
    const hsts = { name: 'strict-transport-security', value: 'max-age=31536000' };
    const { proxy, backend } = await scope.pair(
      {},
      {
        routes: [
          direct('/page', [
            { type: 'DirectResponse', statusCode: 503, contentType: 'text/html', body: '<p>zurück um 8 ⏰' },
            { type: 'ResponseHeaderModifier', set: [hsts], add: [], remove: [] },
          ]),
          direct('/plain', [{ type: 'DirectResponse', statusCode: 200, body: 'User-agent: *\n' }]),
          direct('/nothing', [{ type: 'DirectResponse', statusCode: 204 }]),
          direct('/safe', [
            { type: 'RequestRedirect', scheme: 'https', statusCode: 301 },
            { type: 'ResponseHeaderModifier', set: [hsts], add: [], remove: [] },
          ]),
        ],
      },
    );
    const client = await proxy.connect();
    const get = (path: string, method = 'GET') =>
      client.request(`${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`, method);
    const page = await get('/page');
    expect(page.status).toBe(503);
    expect(page.header('content-type')).toBe('text/html');
    expect(page.header(hsts.name)).toBe(hsts.value);
    expect(Buffer.from(page.body, 'latin1').toString()).toBe('<p>zurück um 8 ⏰');
    const plain = await get('/plain');
    expect([plain.status, plain.header('content-type'), plain.body]).toEqual([
      200,
      'text/plain; charset=utf-8',
      'User-agent: *\n',
    ]);
    const head = await get('/plain', 'HEAD');
    expect([head.header('content-length'), head.body]).toEqual(['14', '']);
    const nothing = await get('/nothing');
    expect([nothing.status, nothing.header('content-length'), nothing.body]).toEqual([204, undefined, '']);
    const safe = await get('/safe');
    expect([safe.status, safe.header('location'), safe.header(hsts.name)]).toEqual([
      301,
      'https://a/safe',
      hsts.value,
    ]);
    expect(backend.requests).toHaveLength(0);
    expect(proxy.records.map(({ status, error }) => ({ status, error }))).toEqual(
      [503, 200, 200, 204, 301].map((status) => ({ status, error: undefined })),
    );
  });

  it('answers with the page of the pool when no endpoint is there', async () => {
    const { proxy, backend } = await scope.pair(
      {},
      {
        failOpen: { mode: 'Never' },
        lifecycle: {
          ...poolConfig().lifecycle,
          noEndpoints: { statusCode: 503, retryAfterSeconds: 30, contentType: 'text/html', body: '<p>Sorry' },
        },
      },
    );
    proxy.setFlags(backend.port, 0);
    const response = await proxy.get();
    expect([response.status, response.body]).toEqual([503, '<p>Sorry']);
    expect(response.header('content-type')).toBe('text/html');
    expect(response.header('retry-after')).toBe('30');
    expect(proxy.records[0]!.error).toBe('NO_ELIGIBLE_ENDPOINT');
  });

  // C16
  it('lets a compressed body through as it is, and what a client accepts', async () => {
    const bomb = gzipSync(Buffer.alloc(8 * 1_048_576));
    const { proxy, backend } = await scope.pair(({ socket }) => {
      const lines = `Content-Encoding: gzip\r\nContent-Type: text/html\r\nContent-Length: ${bomb.length}`;
      socket.write(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${lines}\r\n\r\n`), bomb]));
    });
    const response = await proxy.get('/', 'Accept-Encoding: gzip, br\r\n');
    expect(response.header('content-encoding')).toBe('gzip');
    expect(Buffer.from(response.body, 'latin1').equals(bomb)).toBe(true);
    expect(backend.requests[0]!.header('accept-encoding')).toBe('gzip, br');
    const plain = await scope.pair(({ socket }) => socket.write(ok('x'.repeat(100_000))));
    const uncompressed = await plain.proxy.get('/', 'Accept-Encoding: gzip\r\n');
    expect([uncompressed.header('content-encoding'), uncompressed.body.length]).toEqual([undefined, 100_000]);
  });

  it('keeps out whom the access rules deny', async () => {
    const accessRules = { allowCIDRs: [], denyCIDRs: ['127.0.0.0/8'] };
    const { proxy } = await scope.pair({}, { listeners: [listener({ accessRules })] });
    expect(await proxy.get()).toMatchObject({ status: 403, body: '403 access denied (ACCESS_DENIED)\n' });
  });

  it('limits how often a client may come', async () => {
    const rateLimit = { requests: 1, perMs: 60_000, burst: 2, key: { type: 'ClientIP' as const } };
    const { proxy } = await scope.pair({}, { routes: [route({ rateLimit })] });
    const statuses = [(await proxy.get()).status, (await proxy.get()).status];
    expect(statuses).toEqual([200, 200]);
    const refused = await proxy.get();
    expect(refused.status).toBe(429);
    expect(Number(refused.header('retry-after'))).toBeGreaterThan(50);
  });

  it('believes a trusted peer about the client, and nobody else', async () => {
    const clientIP = { source: 'XForwardedFor' as const, trustedHops: 1, trustedCIDRs: ['127.0.0.0/8'] };
    const trusting = await scope.pair({}, { listeners: [listener({ clientIP })] });
    await trusting.proxy.get('/', 'X-Forwarded-For: 203.0.113.7\r\n');
    expect(trusting.backend.requests[0]!.header('x-forwarded-for')).toBe('203.0.113.7, 127.0.0.1');
    expect(trusting.proxy.records[0]!.clientAddress).toBe('203.0.113.7');
    const { proxy, backend } = await scope.pair();
    await proxy.get('/', 'X-Forwarded-For: 203.0.113.7\r\n');
    expect(backend.requests[0]!.header('x-forwarded-for')).toBe('127.0.0.1');
  });

  it('binds a client to an endpoint with a cookie', async () => {
    const backends = await Promise.all(['a', 'b', 'c'].map((name) => scope.backend({ name })));
    const proxy = await scope.proxy({
      ports: backends.map(({ port }) => port),
      config: { sessionAffinity: { type: 'Cookie', cookie: { name: 'ek' } } },
    });
    const first = await proxy.get();
    const cookie = /^ek=[^;]+/.exec(first.header('set-cookie')!)![0];
    for (let i = 0; i < 4; i++) {
      const next = await proxy.get('/', `Cookie: ${cookie}\r\n`);
      expect(next.body).toBe(first.body);
      expect(next.header('set-cookie')).toBeUndefined();
    }
    expect((await proxy.get('/', 'Cookie: ek=forged\r\n')).header('set-cookie')).toContain('ek=');
  });
});

describe('a route that depends on the body', () => {
  const scope = httpScope();

  async function start(onUnreadable: 'NoMatch' | 'Reject' = 'NoMatch', bodyMatchBytes = 65_536) {
    const large = await scope.backend(({ request, socket }) => socket.write(ok(`large ${request.body}`)));
    const small = await scope.backend(({ request, socket }) => socket.write(ok(`small ${request.body}`)));
    const proxy = await scope.proxy({
      endpoints: { large: [endpoint({ port: large.port })], small: [endpoint({ port: small.port })] },
      config: {
        ...poolConfig(),
        backends: [
          { name: 'large', appProtocol: 'http1' },
          { name: 'small', appProtocol: 'http1' },
        ],
        listeners: [
          listener({
            limits: { bodyMatchBytes },
            timeouts: { ...listener().timeouts, bodyMatchMs: 300 },
          }),
        ],
        routes: [
          route({
            name: 'large',
            matches: [
              routeMatch({
                body: {
                  type: 'JSON',
                  jsonPath: '$.model',
                  value: { type: 'Exact', value: 'large' },
                  onUnreadable,
                },
              }),
            ],
            backendRefs: [backendRef({ name: 'large' })],
          }),
        ],
        defaultBackendRefs: [backendRef({ name: 'small' })],
      },
    });
    return proxy;
  }

  const head = (framing: string) =>
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`;

  it('reads it, decides, and forwards it byte for byte', async () => {
    const proxy = await start();
    const client = await proxy.connect();
    client.send(head(`Content-Length: ${JSON_BODY.length}`) + JSON_BODY);
    expect((await client.response('POST')).body).toBe(`large ${JSON_BODY}`);
    const other = JSON_BODY.replace('large', 'small');
    client.send(head(`Content-Length: ${other.length}`) + other);
    expect((await client.response('POST')).body).toBe(`small ${other}`);
    client.send(head('Transfer-Encoding: chunked'));
    for (const character of JSON_BODY) client.send(`1\r\n${character}\r\n`);
    client.send('0\r\n\r\n');
    expect((await client.response('POST')).body).toBe(`large ${JSON_BODY}`);
    await proxy.settled();
  });

  it('reads it in pipelined requests, each its own', async () => {
    const proxy = await start();
    const client = await proxy.connect();
    const bodies = ['large', 'small', 'large'].map((model) => JSON_BODY.replace('large', model));
    client.send(bodies.map((body) => head(`Content-Length: ${body.length}`) + body).join(''));
    for (const body of bodies) {
      const expected = `${body.includes('large') ? 'large' : 'small'} ${body}`;
      expect((await client.response('POST')).body).toBe(expected);
    }
  });

  it('tells a client that waits for it to go on', async () => {
    const proxy = await start();
    const client = await proxy.connect();
    client.send(head(`Content-Length: ${JSON_BODY.length}\r\nExpect: 100-continue`));
    await eventually('the client may go on', () => client.received.startsWith('HTTP/1.1 100 Continue'));
    client.send(JSON_BODY);
    const interim: number[] = [];
    expect((await client.response('POST', interim)).body).toBe(`large ${JSON_BODY}`);
    expect(interim).toEqual([100]);
  });

  it('takes what is too long, too slow or not JSON for unreadable', async () => {
    const proxy = await start('NoMatch', 10);
    const long = await proxy.connect();
    long.send(head(`Content-Length: ${JSON_BODY.length}`) + JSON_BODY);
    expect((await long.response('POST')).body).toBe(`small ${JSON_BODY}`);
    const slow = await proxy.connect();
    slow.send(`${head(`Content-Length: ${JSON_BODY.length}`)}{`);
    await new Promise((resolve) => setTimeout(resolve, 600));
    slow.send(JSON_BODY.slice(1));
    expect((await slow.response('POST')).body).toBe(`small ${JSON_BODY}`);
    const strict = await start('Reject');
    const client = await strict.connect();
    client.send(`${head('Content-Length: 3')}{"a`);
    expect(await client.response('POST')).toMatchObject({
      status: 400,
      body: '400 the request body cannot be read, which the route needs (BODY_UNREADABLE)\n',
    });
    await strict.settled();
  });
});

describe('an HTTP port over changes', () => {
  const scope = httpScope();

  it('applies another configuration to the next request of an open connection', async () => {
    const { proxy, backend } = await scope.pair();
    const other = await scope.backend({ name: 'other' });
    const client = await proxy.connect();
    const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
    expect((await client.request(GET)).body).toBe('backend');
    proxy.update({ ports: [other.port] });
    expect((await client.request(GET)).body).toBe('other');
    await eventually('connections to an endpoint that is gone are closed', () => backend.sockets.size === 0);
  });

  // K04
  it('finishes what is under way when it drains, and says goodbye', async () => {
    let answer = (): void => {};
    const { proxy } = await scope.pair(({ socket }) => {
      answer = () => socket.write(ok('late'));
    });
    const busy = await proxy.connect();
    const idle = await proxy.connect();
    busy.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('a request is under way', () => proxy.inFlight === 1);
    proxy.handler.drain();
    idle.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('the other one too', () => proxy.inFlight === 2);
    answer();
    const response = await idle.response();
    expect(response.header('connection')).toBe('close');
    expect(await idle.closed()).toBe('fin');
    busy.close();
    await proxy.emptied();
  });

  it('closes idle connections a moment after it began to drain', async () => {
    const { proxy } = await scope.pair();
    const client = await proxy.connect();
    await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    proxy.handler.drain();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const response = await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(response.header('connection')).toBe('close');
    const silent = await proxy.connect();
    proxy.handler.drain();
    expect(await silent.closed()).toBe('fin');
    await proxy.emptied();
  });

  it('takes no more connections than the listener allows', async () => {
    const limits = { ...listener().limits, maxConnections: 2 };
    const { proxy } = await scope.pair({}, { listeners: [listener({ limits })] });
    const [first] = [await proxy.connect(), await proxy.connect()];
    await eventually('both are accepted', () => proxy.handler.connections === 2);
    const third = await proxy.connect().catch(() => undefined);
    await third?.closed();
    first.close();
    await eventually('there is room', () => proxy.handler.connections === 1);
    expect((await proxy.get()).status).toBe(200);
  });

  it('ends everything when it is destroyed', async () => {
    const { proxy, backend } = await scope.pair(() => {});
    const client = await proxy.connect();
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('a request is under way', () => backend.requests.length === 1);
    proxy.handler.destroy();
    await client.closed();
    await eventually('the backend connection is closed', () => backend.sockets.size === 0);
    await proxy.emptied();
  });
});
