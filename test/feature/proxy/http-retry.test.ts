import { describe, expect, it } from 'vitest';
import type { PoolConfig } from '../../../api/snapshot.ts';
import { endpoint, poolConfig, resilience, route, routeMatch } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { ok, status } from '../../support/http/backend.ts';
import { freePorts } from '../../support/free-ports.ts';
import { httpScope } from '../../support/http/scope.ts';

const { retries } = resilience();
const POST = 'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello';

describe('retries', () => {
  const scope = httpScope();

  it('go to another endpoint when one refuses, whatever the method', async () => {
    // D01
    const good = await Promise.all([scope.backend(), scope.backend()]);
    const [refused] = await freePorts(1);
    const proxy = await scope.proxy({ ports: [good[0].port, refused!, good[1].port] });
    for (let i = 0; i < 12; i++) expect((await proxy.request(POST)).status).toBe(200);
    expect(proxy.records.filter(({ attempts }) => attempts === 2)).toHaveLength(6);
    const failure = proxy.passive.find(({ kind }) => kind === 'failure');
    expect(failure).toEqual({ kind: 'failure', port: refused, detail: 'UPSTREAM_CONNECT_REFUSED' });
    expect(good.flatMap(({ requests }) => requests).map(({ body }) => body)).toEqual(
      Array.from({ length: 12 }, () => 'hello'),
    );
    await proxy.settled();
  });

  it('are counted for the request that had them, not for the next, which needs no endpoint', async () => {
    const good = await scope.backend();
    const [refused] = await freePorts(1);
    const fixed = route({
      name: 'fixed',
      matches: [routeMatch({ path: { type: 'Exact', value: '/fixed' } })],
      filters: [{ type: 'DirectResponse', statusCode: 200, body: 'fixed' }],
    });
    const proxy = await scope.proxy({ ports: [refused!, good.port], config: { routes: [fixed] } });
    const client = await proxy.connect();
    for (const path of ['/', '/fixed']) {
      client.send(`GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
      expect((await client.response()).status).toBe(200);
    }
    expect(proxy.records.map(({ attempts }) => attempts)).toEqual([2, 0]);
  });

  it('are not used up by refusals: after the last one, too, endpoints that were not tried are left', async () => {
    const resetting = await scope.backend(({ socket }) => socket.destroy());
    const good = await scope.backend();
    const refused = await freePorts(2);
    const proxy = await scope.proxy({ ports: [resetting.port, ...refused, good.port] });
    expect((await proxy.get()).status).toBe(200);
    expect(proxy.records[0]).toMatchObject({ attempts: 4, error: undefined });
    await proxy.settled();
  });

  /** The endpoint follows from the request alone, so that nothing else keeps a retry from the one it just tried. */
  const BY_USER: Partial<PoolConfig> = {
    loadBalancing: {
      ...poolConfig().loadBalancing,
      algorithm: 'ConsistentHash',
      consistentHash: { key: 'Header', name: 'x-user' },
    },
    resilience: resilience({
      retries: { ...retries, attempts: 5, budget: { percent: 100, minPerSecond: 1_000 } },
    }),
  };

  it('remember where no connection came about when a later attempt fails, too', async () => {
    const resetting = await scope.backend(({ socket }) => socket.destroy());
    const good = await scope.backend();
    const [refused] = await freePorts(1);
    const proxy = await scope.proxy({ ports: [refused!, resetting.port, good.port], config: BY_USER });
    for (let user = 0; user < 40; user++) {
      expect((await proxy.request(`GET / HTTP/1.1\r\nHost: a\r\nx-user: ${user}\r\n\r\n`)).status).toBe(200);
    }
    const attempts = proxy.records.map((record) => record.attempts);
    expect(new Set(attempts)).toEqual(new Set([1, 2, 3]));
    await proxy.settled();
  });

  it('go to every endpoint before one has its second turn', async () => {
    const backends = await Promise.all(
      Array.from({ length: 3 }, () => scope.backend(({ socket }) => socket.destroy())),
    );
    const proxy = await scope.proxy({ ports: backends.map(({ port }) => port), config: BY_USER });
    expect((await proxy.get()).status).toBe(502);
    expect(backends.map(({ requests }) => requests.length)).toEqual([2, 2, 2]);
    await proxy.settled();
  });

  it('repeat nothing that may have been seen and is not idempotent', async () => {
    // D02
    const backend = await scope.backend(({ socket }) => socket.destroy());
    const other = await scope.backend();
    const proxy = await scope.proxy({ ports: [backend.port, other.port] });
    const response = await proxy.request(POST);
    expect(response).toMatchObject({
      status: 502,
      body: '502 the backend closed the connection before it answered (UPSTREAM_RESET)\n',
    });
    expect(backend.requests).toHaveLength(1);
    expect(other.requests).toHaveLength(0);
    await proxy.settled();
  });

  it.each([
    ['GET', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', ''],
    ['PUT with its body', 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
    [
      'chunked PUT',
      'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      'hello',
    ],
    [
      'POST with an Idempotency-Key',
      'POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: 7\r\nContent-Length: 5\r\n\r\nhello',
      'hello',
    ],
  ])('repeat a %s once, elsewhere', async (_, text, body) => {
    // D03
    const backend = await scope.backend(({ socket }) => socket.destroy());
    const other = await scope.backend();
    const proxy = await scope.proxy({ ports: [backend.port, other.port] });
    expect((await proxy.request(text)).status).toBe(200);
    expect(backend.requests).toHaveLength(1);
    expect(other.requests.map((request) => request.body)).toEqual([body]);
    expect(proxy.records[0]).toMatchObject({ attempts: 2, error: undefined, status: 200 });
    await proxy.settled();
  });

  it('stop after the attempts that are configured', async () => {
    const backends = await Promise.all(
      Array.from({ length: 4 }, () => scope.backend(({ socket }) => socket.destroy())),
    );
    const config = { resilience: resilience({ retries: { ...retries, attempts: 2 } }) };
    const proxy = await scope.proxy({ ports: backends.map(({ port }) => port), config });
    expect((await proxy.get()).status).toBe(502);
    expect(backends.map(({ requests }) => requests.length)).toEqual([1, 1, 1, 0]);
    await proxy.settled();
  });

  it('are not made for a body that is too large to hold', async () => {
    const backend = await scope.backend(({ socket }) => socket.destroy());
    const config = { resilience: resilience({ retries: { ...retries, bufferBytes: 4 } }) };
    const proxy = await scope.proxy({ ports: [backend.port, backend.port + 1], config });
    const response = await proxy.request('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    expect(response.status).toBe(502);
    expect(backend.requests).toHaveLength(1);
  });

  it('are made for a status that is configured, and its response never shows', async () => {
    const backend = await scope.backend(({ socket }) => socket.write(status(503)));
    const other = await scope.backend({ name: 'other' });
    const config = {
      resilience: resilience({ retries: { ...retries, retryOn: ['StatusCode'], statusCodes: [503] } }),
    };
    const proxy = await scope.proxy({ ports: [backend.port, other.port], config });
    expect((await proxy.get()).body).toBe('other');
    expect((await proxy.request(POST)).status).toBe(503);
    await proxy.settled();
  });

  it('are made for a try that takes too long, when that is configured', async () => {
    const backend = await scope.backend(() => {});
    const other = await scope.backend({ name: 'other' });
    const config = {
      resilience: resilience({ retries: { ...retries, retryOn: ['Timeout'], perTryTimeoutMs: 200 } }),
    };
    const proxy = await scope.proxy({ ports: [backend.port, other.port], config });
    expect((await proxy.get()).body).toBe('other');
    expect(proxy.passive[0]).toMatchObject({ kind: 'failure', detail: 'UPSTREAM_TRY_TIMEOUT' });
    await proxy.settled();
  });

  it.each([
    ['sends', 'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 99\r\n\r\nslow', 'perTryTimeout'],
    ['is sent', 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n', 'backendRequest'],
  ])('do not blame an endpoint for the time in which a client %s a body', async (_what, text, limit) => {
    const backend = await scope.backend(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345');
    });
    const timed = route({ name: 'timed', timeouts: { backendRequestMs: 200 } });
    const config: Partial<PoolConfig> =
      limit === 'backendRequest'
        ? { routes: [timed] }
        : { resilience: resilience({ retries: { ...retries, perTryTimeoutMs: 200 } }) };
    const proxy = await scope.proxy({ ports: [backend.port], config });
    const client = await proxy.connect();
    client.send(text);
    await eventually('the try is over', () => proxy.records.length === 1);
    expect(proxy.records[0]).toMatchObject({ error: 'UPSTREAM_TRY_TIMEOUT' });
    expect(proxy.passive.filter(({ kind }) => kind === 'failure')).toEqual([]);
    await proxy.settled();
  });

  it('are bounded by the budget while everything fails', async () => {
    // D06
    const backend = await scope.backend(({ socket }) => socket.write(status(503)));
    const config = {
      resilience: resilience({
        retries: {
          ...retries,
          retryOn: ['StatusCode'],
          statusCodes: [503],
          budget: { percent: 20, minPerSecond: 0 },
        },
      }),
    };
    const proxy = await scope.proxy({ ports: [backend.port], config });
    const client = await proxy.connect();
    for (let i = 0; i < 200; i++) {
      expect((await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).status).toBe(503);
    }
    expect(backend.requests.length).toBeGreaterThan(200);
    expect(backend.requests.length).toBeLessThanOrEqual(240);
  });

  it('end with 503 and Retry-After at once when nothing can be reached', async () => {
    // D04
    const ports = await freePorts(3);
    const proxy = await scope.proxy({ ports });
    const started = performance.now();
    const response = await proxy.get();
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(response).toMatchObject({
      status: 503,
      body: '503 the backend refused the connection (UPSTREAM_CONNECT_REFUSED)\n',
    });
    expect(response.header('retry-after')).toBe('1');
    await proxy.settled();
  });

  it('do not reach beyond the time a route gives the request', async () => {
    const backend = await scope.backend(() => {});
    const proxy = await scope.proxy({
      ports: [backend.port],
      config: {
        routes: [route({ timeouts: { requestMs: 200 } })],
        resilience: resilience({ retries: { ...retries, retryOn: ['Timeout'], attempts: 5 } }),
      },
    });
    const response = await proxy.get();
    expect(response).toMatchObject({
      status: 504,
      body: '504 the request took too long (REQUEST_TIMEOUT)\n',
    });
    expect(proxy.passive).toEqual([]);
    await proxy.settled();
  });

  it('try another endpoint beside one that does not accept', async () => {
    const other = await scope.backend({ name: 'other' });
    const proxy = await scope.proxy({
      // TEST-NET-1 (RFC 5737) answers nobody, or the machine says that it cannot be reached.
      endpoints: { v1: [endpoint({ address: '192.0.2.1', port: 9 }), endpoint({ port: other.port })] },
      config: {
        resilience: resilience({
          connectHedgeDelayMs: 100,
          timeouts: { connectMs: 3_000, responseHeaderMs: 5_000 },
        }),
      },
    });
    const started = performance.now();
    expect((await proxy.request(POST)).body).toBe('other');
    expect(performance.now() - started).toBeLessThan(2_000);
    await proxy.settled();
  });

  it('leave no trace of an endpoint without weight or health', async () => {
    const backend = await scope.backend();
    const proxy = await scope.proxy({ ports: [backend.port], config: { failOpen: { mode: 'Never' } } });
    proxy.setFlags(backend.port, 0);
    const response = await proxy.get();
    expect(response).toMatchObject({ status: 503, body: '503 no healthy endpoint (NO_ELIGIBLE_ENDPOINT)\n' });
    expect(response.header('retry-after')).toBe('1');
  });

  it('answer what the pool wants answered when there is no endpoint', async () => {
    const proxy = await scope.proxy({
      ports: [],
      config: { lifecycle: { ...poolConfig().lifecycle, noEndpoints: { statusCode: 502 } } },
    });
    const response = await proxy.get();
    expect(response).toMatchObject({
      status: 502,
      body: '502 the backends have no endpoints (NO_ENDPOINTS)\n',
    });
    expect(response.header('retry-after')).toBeUndefined();
  });
});

describe('the queue for full endpoints', () => {
  const scope = httpScope();
  const limits = { maxRequestsPerEndpoint: 1, queue: { max: 3, timeoutMs: 2_000 } };

  it('serves in order, and refuses what is beyond its bound', async () => {
    // D12
    const waiting: (() => void)[] = [];
    const { proxy, backend } = await scope.pair(
      ({ request, socket }) => waiting.push(() => socket.write(ok(request.target))),
      { resilience: resilience({ limits }) },
    );
    const answers: string[] = [];
    const requests = Array.from({ length: 4 }, async (_, i) => {
      const client = await proxy.connect();
      client.send(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
      return client.response().then((response) => answers.push(response.body));
    });

    await eventually('the first is at the backend and three wait', () => proxy.worker.exchanges === 4);
    const refused = await proxy.get('/5');
    expect(refused.body).toBe('503 every endpoint is at its limit (ALL_ENDPOINTS_FULL)\n');
    for (let i = 0; i < 4; i++) {
      await eventually('the next is at the backend', () => backend.requests.length === i + 1);
      waiting[i]!();
    }
    await Promise.all(requests);
    expect([...answers].sort()).toEqual(['/0', '/1', '/2', '/3']);
    expect(backend.requests.map(({ target }) => target)).toEqual(answers);
    await proxy.settled();
  });

  it('lets nobody wait for longer than its timeout', async () => {
    const { proxy } = await scope.pair(() => {}, {
      resilience: resilience({ limits: { ...limits, queue: { max: 3, timeoutMs: 100 } } }),
    });
    const first = await proxy.connect();
    first.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');

    await eventually('it is under way', () => proxy.inFlight === 1);
    expect((await proxy.get()).body).toBe(
      '503 every endpoint was at its limit for too long (QUEUE_TIMEOUT)\n',
    );
    first.close();
    await proxy.settled();
  });

  it('forgets a client that leaves', async () => {
    const { proxy, backend } = await scope.pair(() => {}, { resilience: resilience({ limits }) });

    const clients = [await proxy.connect(), await proxy.connect(), await proxy.connect()];
    for (const client of clients) client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('all are under way', () => proxy.worker.exchanges === 3);
    for (const client of clients) client.close();
    await proxy.settled();
    expect(backend.requests).toHaveLength(1);
  });
});
