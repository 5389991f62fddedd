import { type Metadata, status as Status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { listener, poolConfig, resilience, route } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { collect, GrpcClient } from '../../support/grpc/client.ts';
import { GrpcEchoServer, PATHS } from '../../support/grpc/echo-server.ts';
import { answerWithTrailers } from '../../support/http/http2-backend.ts';
import { seededRng } from '../../support/seeded-rng.ts';
import { httpScope } from '../../support/http/scope.ts';
import type { HttpProxyOptions } from '../../support/http/proxy.ts';
import { H2Client } from '../../support/http2/client.ts';

/** Client and server of @grpc/grpc-js, and the proxy between them. */
describe('gRPC', () => {
  const scope = httpScope();

  const startServer = async (name?: string) => scope.keep(await GrpcEchoServer.start(name));

  async function chain(config: HttpProxyOptions['config'] = {}, count = 1) {
    const servers = await Promise.all(Array.from({ length: count }, (_, i) => startServer(`server ${i}`)));
    const ports = servers.map(({ port }) => port);
    const proxy = await scope.proxy({ ports, appProtocol: 'h2c', config });
    const client = scope.keep(new GrpcClient(proxy.port));
    return { servers, server: servers[0]!, proxy, client };
  }

  // E15
  it('carries a call of each kind, with messages and metadata byte for byte', async () => {
    const { client, proxy } = await chain();
    const binary = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const metadata = { 'x-echo-text': 'plain', 'x-echo_snake_case': 'too', 'x-echo-binary-bin': binary };
    const expected = (got: Metadata | undefined) => {
      expect(got?.get('x-echo-text')).toEqual(['plain']);
      expect(got?.get('x-echo_snake_case')).toEqual(['too']);
      expect(got?.get('x-echo-binary-bin')).toEqual([binary]);
    };

    const unary = await client.unary(binary, metadata);
    expect(unary.messages).toEqual([binary]);
    expect(unary.status.code).toBe(Status.OK);
    expected(unary.headers);
    expected(unary.status.metadata);

    const streamed = await collect(client.serverStream(100, metadata));
    expect(streamed.messages.map(String)).toEqual(Array.from({ length: 100 }, (_, i) => String(i)));
    expected(streamed.headers);
    expected(streamed.status.metadata);

    const parts = Array.from({ length: 50 }, (_, i) => Buffer.alloc(1_000, i));
    const collected = await client.clientStream(parts, metadata);
    expect(collected.messages).toEqual([Buffer.concat(parts)]);

    const bidi = client.bidi(metadata);
    const both = collect(bidi);
    for (let i = 0; i < 20; i++) bidi.write(Buffer.from(`message ${i}`));
    bidi.end();
    expect((await both).messages.map(String)).toEqual(Array.from({ length: 20 }, (_, i) => `message ${i}`));

    expect(proxy.records.map(({ status, grpcStatus }) => [status, grpcStatus])).toEqual(
      Array.from({ length: 4 }, () => [200, 0]),
    );
    await proxy.settled();
  });

  // A12, B10
  it('has no header that a backend could take for one that the proxy vouches for', async () => {
    const http1 = await scope.backend();
    const { client, server, proxy } = await chain();
    const forged = { x_forwarded_for: '192.0.2.1', content_length: '1', x_user: 'root' };
    await client.unary('x', forged);
    expect(server.calls[0]!.metadata.getMap()).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      x_user: 'root',
    });
    expect(server.calls[0]!.metadata.getMap()).not.toHaveProperty('x_forwarded_for');
    expect(server.calls[0]!.metadata.getMap()).not.toHaveProperty('content_length');
    proxy.update({ ports: [http1.port] });
    await client.unary('x', forged);
    expect(http1.requests[0]!.head).not.toContain('_');
    const plain = scope.keep(await H2Client.connect(proxy.port));
    await plain.get('/', { x_user: 'root' });
    expect(http1.requests[1]!.head).not.toContain('_');
  });

  // E15
  it('carries a status with a message in Unicode and trailing metadata, also without any message', async () => {
    const { client } = await chain();
    const details = 'nicht gefunden: „Grüße“ 🎈 100 %\nzweite Zeile';
    const metadata = {
      'x-status': String(Status.NOT_FOUND),
      'x-details-bin': Buffer.from(details),
      'x-echo-more-bin': Buffer.from([0, 255, 7]),
    };
    for (const { status } of [
      await client.unary('x', metadata),
      await collect(client.serverStream(0, metadata)),
      await collect(client.serverStream(3, metadata)),
    ]) {
      expect(status).toMatchObject({ code: Status.NOT_FOUND, details });
      expect(status.metadata.get('x-echo-more-bin')).toEqual([Buffer.from([0, 255, 7])]);
    }
  });

  // E15
  it('carries messages of 4 MiB both ways, several at a time', async () => {
    const { client, proxy } = await chain();
    const message = Buffer.alloc(4 * 1_024 * 1_024, 'abcdefg');
    const results = await Promise.all(Array.from({ length: 4 }, () => client.unary(message)));
    for (const { messages, status } of results) {
      expect(status.code).toBe(Status.OK);
      expect(messages[0]!.equals(message)).toBe(true);
    }
    await proxy.settled();
  });

  // E16
  it('tells the server of the deadline, and that it has passed', async () => {
    const { client, server, proxy } = await chain();
    expect((await client.unary('warm up')).status.code).toBe(Status.OK);
    const late: number[] = [];
    for (let i = 1; i <= 3; i++) {
      const deadline = Date.now() + 300;
      const { status } = await client.unary('x', { 'x-wait': '1' }, { deadline });
      const over = performance.now();
      expect(status.code).toBe(Status.DEADLINE_EXCEEDED);
      const call = server.calls[i]!;
      expect(call.deadline).toBeGreaterThan(deadline - 200);
      expect(call.deadline).toBeLessThan(deadline + 2_000);
      await eventually('the server knows', () => call.cancelledAt !== undefined);
      late.push(call.cancelledAt! - over);
    }
    expect(Math.min(...late)).toBeLessThan(100);
    await proxy.settled();
  });

  // E16: a server that looks at no deadline itself.
  it('resets the stream of a call to its backend when its deadline has passed', async () => {
    const { backend, proxy } = await scope.http2Pair({ onHeaders: () => {} });
    const client = scope.keep(new GrpcClient(proxy.port));
    const { status } = await client.unary('x', {}, { deadline: Date.now() + 300 });
    expect(status.code).toBe(Status.DEADLINE_EXCEEDED);
    // CANCEL
    await eventually('the stream is reset', () => backend.requests[0]!.rstCode === 8);
    expect(backend.requests[0]!.headers['grpc-timeout']).toMatch(/^\d+m$/);
    expect(backend.connections).toBe(1);
    await proxy.settled();
  });

  // E16, D10
  it('tells the server within 100 ms that the client has given a call up', async () => {
    const { client, server, proxy } = await chain();
    const late: number[] = [];
    for (let i = 0; i < 3; i++) {
      const call = client.bidi();
      const over = collect(call);
      call.write(Buffer.from('one'));
      await eventually('the call is there', () => server.calls.length === i + 1);
      const given = performance.now();
      call.cancel();
      expect((await over).status.code).toBe(Status.CANCELLED);
      await eventually('the server knows', () => server.calls[i]!.cancelledAt !== undefined);
      late.push(server.calls[i]!.cancelledAt! - given);
    }
    expect(Math.min(...late)).toBeLessThan(100);
    await proxy.settled();
    expect(proxy.records.map(({ error }) => error)).toEqual(
      Array.from({ length: 3 }, () => 'DOWNSTREAM_CLOSED'),
    );
  });

  // E17
  it.each(['serverStream', 'bidi', 'unary'] as const)(
    'ends a call (%s) as UNAVAILABLE when its server dies in the middle, and the next one succeeds',
    async (kind) => {
      const { client, server, proxy } = await chain();
      const waits = { 'x-wait': '1' };
      const call =
        kind === 'unary'
          ? client.unary('x', waits)
          : collect(kind === 'bidi' ? client.bidi(waits) : client.serverStream(3, waits));
      await eventually('the call is there', () => server.calls.length === 1);
      await server.close();
      const { status } = await call;
      expect(status.code).toBe(Status.UNAVAILABLE);
      await server.listen();
      expect((await client.unary('x')).status.code).toBe(Status.OK);
      await proxy.settled();
    },
  );

  // E17
  it('gives the next call to another server when the one that had the last has died', async () => {
    const { client, servers, proxy } = await chain({}, 2);
    const over = collect(client.bidi({ 'x-wait': '1' }));
    const dying = await eventually('the call is somewhere', () =>
      servers.find(({ calls }) => calls.length > 0),
    );
    await dying.close();
    expect((await over).status.code).toBe(Status.UNAVAILABLE);
    for (let i = 0; i < 10; i++) expect((await client.unary('x')).status.code).toBe(Status.OK);
    await proxy.settled();
  });

  // E18
  it.each(['RoundRobin', 'LeastConnections'] as const)(
    'balances 10,000 calls of one connection, each by itself: %s',
    async (algorithm) => {
      const backends = await Promise.all(
        Array.from({ length: 4 }, () =>
          scope.http2Backend((stream) => answerWithTrailers(stream, 'x', { 'grpc-status': '0' })),
        ),
      );
      const proxy = await scope.proxy({
        ports: backends.map(({ port }) => port),
        appProtocol: 'h2c',
        config: { loadBalancing: { ...poolConfig().loadBalancing, algorithm } },
      });
      const client = scope.keep(await H2Client.connect(proxy.port));
      const calls = 10_000;
      let left = calls;
      const call = {
        ':method': 'POST',
        ':path': PATHS.unary,
        'content-type': 'application/grpc',
        te: 'trailers',
      };
      await Promise.all(
        Array.from({ length: 50 }, async () => {
          while (left > 0) {
            left -= 1;
            expect((await client.request(call, 'x')).trailers['grpc-status']).toBe('0');
          }
        }),
      );
      const fair = calls / backends.length;
      for (const { requests } of backends) {
        expect(Math.abs(requests.length - fair)).toBeLessThanOrEqual(fair * 0.02);
      }
      expect(proxy.handler.connections).toBe(1);
      await proxy.settled();
    },
  );

  // E19
  it('lets a stream be idle for longer than its listener does, while the client sends PINGs', async () => {
    const timeouts = { requestHeaderMs: 10_000, tlsHandshakeMs: 5_000, bodyMatchMs: 5_000, idleMs: 1_500 };
    const { proxy } = await chain({ listeners: [listener({ timeouts })] });
    const client = scope.keep(
      new GrpcClient(proxy.port, { 'grpc.keepalive_time_ms': 500, 'grpc.keepalive_timeout_ms': 5_000 }),
    );
    const call = client.bidi();
    const over = collect(call);
    call.write(Buffer.from('before'));
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    call.write(Buffer.from('after'));
    call.end();
    const { messages, status } = await over;
    expect(status).toMatchObject({ code: Status.OK });
    expect(messages.map(String)).toEqual(['before', 'after']);
    await proxy.settled();
  });

  it('ends a stream in which nothing moves, and whose client gives no sign of life, in good order', async () => {
    const timeouts = { requestHeaderMs: 10_000, tlsHandshakeMs: 5_000, bodyMatchMs: 5_000, idleMs: 500 };
    const { client, proxy } = await chain({ listeners: [listener({ timeouts })] });
    const call = client.bidi();
    const over = collect(call);
    call.write(Buffer.from('before'));
    const { messages, status } = await over;
    expect(messages.map(String)).toEqual(['before']);
    expect(status).toMatchObject({ code: Status.UNAVAILABLE });
    await proxy.settled();
  });

  it('answers with DEADLINE_EXCEEDED when the route gives a call no more time', async () => {
    const { client } = await chain({ routes: [route({ timeouts: { requestMs: 300 } })] });
    expect((await client.unary('x', { 'x-wait': '1' })).status).toMatchObject({
      code: Status.DEADLINE_EXCEEDED,
      details: '504 the request took too long (REQUEST_TIMEOUT)',
    });
    const streamed = await collect(client.serverStream(3, { 'x-wait': '1' }));
    expect(streamed.messages).toHaveLength(3);
    expect(streamed.status.code).toBe(Status.DEADLINE_EXCEEDED);
  });

  it('is routed on service and method', async () => {
    const [orders, carts] = await Promise.all([startServer('orders'), startServer('carts')]);
    const at = ({ port }: GrpcEchoServer) => [
      { address: '127.0.0.1', port, targetUid: 'static', condition: 'Ready' as const, weight: 1 },
    ];
    const match = (type: 'Exact' | 'PathPrefix', value: string) => ({
      path: { type, value },
      methods: [],
      headers: [],
      queryParams: [],
      cookies: [],
      sourceCIDRs: [],
    });
    const ref = (name: string) => [{ name, weight: 1, priority: 0 }];
    const proxy = await scope.proxy({
      endpoints: { orders: at(orders), carts: at(carts) },
      appProtocol: 'h2c',
      config: {
        defaultBackendRefs: [],
        routes: [
          route({
            name: 'service',
            matches: [match('PathPrefix', '/evenkeel.test.Echo')],
            backendRefs: ref('orders'),
          }),
          route({
            name: 'method',
            matches: [match('Exact', '/evenkeel.test.Echo/Bidi')],
            backendRefs: ref('carts'),
          }),
        ],
      },
    });
    const client = scope.keep(new GrpcClient(proxy.port));
    const named = { 'x-name': '1' };
    expect(String((await client.unary('x', named)).messages[0])).toBe('orders');
    const call = client.bidi(named);
    const over = collect(call);
    call.write(Buffer.from('x'));
    call.end();
    expect((await over).messages.map(String)).toEqual(['carts']);
    const missing = await client.unary('x', {}, { path: '/evenkeel.test.Other/Unary' });
    expect(missing.status.code).toBe(Status.UNIMPLEMENTED);
  });

  describe('while things come and go', () => {
    it('loses no call when servers are restarted one by one, in good order', async () => {
      const { client, servers, proxy } = await chain({}, 3);
      const load = new AbortController();
      const failures: string[] = [];
      let calls = 0;
      const callers = Array.from({ length: 20 }, async () => {
        while (!load.signal.aborted) {
          const { status } = await client.unary('x');
          calls += 1;
          if (status.code !== Status.OK) failures.push(`${status.code} ${status.details}`);
        }
      });
      for (let round = 0; round < 3; round++) {
        for (const server of servers) {
          await server.shutDown();
          await server.listen();
          const before = server.calls.length;
          await eventually('it serves again', () => server.calls.length > before);
        }
      }
      load.abort();
      await Promise.all(callers);
      expect(failures).toEqual([]);
      expect(calls).toBeGreaterThan(100);
      await proxy.settled();
    });

    it('never leaves a stream hanging, however its server and its proxy end', async () => {
      const { servers, proxy: first } = await chain({}, 3);
      const ports = servers.map(({ port }) => port);
      const second = await scope.proxy({ ports, appProtocol: 'h2c' });
      const target = `ipv4:127.0.0.1:${first.port},127.0.0.1:${second.port}`;
      const client = scope.keep(new GrpcClient(target, { 'grpc.enable_retries': 1 }));
      const rng = seededRng(5);
      const outcomes = new Map<Status, number>();
      let lost = 0;
      const load = new AbortController();

      /** Some messages to and fro, one after the other; as many back as went out, or a status that says why not. */
      const converse = async (): Promise<void> => {
        const call = client.bidi();
        const over = collect(call);
        const rounds = 1 + Math.floor(rng() * 20);
        let sent = 0;
        const next = () => {
          sent += 1;
          if (sent <= rounds) call.write(Buffer.from(`message ${sent}`));
          else call.end();
        };
        call.on('data', next);
        next();
        const { messages, status } = await over;
        outcomes.set(status.code, (outcomes.get(status.code) ?? 0) + 1);
        if (status.code === Status.OK && messages.length !== rounds) lost += 1;
      };
      const callers = Array.from({ length: 10 }, async () => {
        while (!load.signal.aborted) await converse();
      });
      const served = ({ calls }: GrpcEchoServer) => calls.length;
      for (const [i, server] of [...servers, ...servers].entries()) {
        const isKill = i % 2 === 1;
        if (isKill) await server.close();
        else await server.shutDown();
        await server.listen();
        const before = served(server);
        await eventually('it serves again', () => served(server) > before + 5);
        if (i !== 3) continue;
        first.refuse();
        first.handler.drain();
        await eventually('the other proxy has the calls', () => second.records.length > 20);
      }
      load.abort();
      await Promise.all(callers);
      // A killed server's calls are UNAVAILABLE; nothing else went wrong.
      const allowed = new Set([Status.OK, Status.UNAVAILABLE]);
      expect([...outcomes.keys()].filter((code) => !allowed.has(code))).toEqual([]);
      expect(lost).toBe(0);
      expect(outcomes.get(Status.OK)).toBeGreaterThan(100);
      expect(outcomes.get(Status.UNAVAILABLE) ?? 0).toBeLessThanOrEqual(30);
      await first.emptied();
      await second.settled();
    });

    it('lets a stream go on while its server leaves, and sends nothing new there', async () => {
      const { client, servers, proxy } = await chain({}, 2);
      const call = client.bidi({ 'x-name': '1' });
      const over = collect(call);
      call.write(Buffer.from('x'));
      const leaving = await eventually('the stream is somewhere', () =>
        servers.find(({ calls }) => calls.length > 0),
      );
      const gone = leaving.shutDown();
      for (let i = 0; i < 10; i++) {
        expect((await client.unary('x')).status.code).toBe(Status.OK);
        call.write(Buffer.from('x'));
      }
      expect(leaving.calls).toHaveLength(1);
      call.end();
      const { messages, status } = await over;
      expect(status.code).toBe(Status.OK);
      expect(messages.map(String)).toEqual(Array.from({ length: 11 }, () => leaving.name));
      await gone;
      await proxy.settled();
    });

    it('lets a stream go on while its endpoint is taken out, for as long as the pool says', async () => {
      const [a, b] = await Promise.all([startServer('a'), startServer('b')]);
      const config = poolConfig({
        backends: [{ name: 'v1', appProtocol: 'h2c' }],
        lifecycle: { drainTimeoutMs: 2_000, noEndpoints: { statusCode: 503 } },
      });
      const proxy = await scope.proxy({ ports: [a.port], appProtocol: 'h2c', config });
      const client = scope.keep(new GrpcClient(proxy.port));
      const call = client.bidi({ 'x-name': '1' });
      const over = collect(call);
      call.write(Buffer.from('x'));
      await eventually('it is under way', () => a.calls.length === 1);
      proxy.update({ ports: [b.port], appProtocol: 'h2c', config });
      call.write(Buffer.from('x'));
      expect(String((await client.unary('x', { 'x-name': '1' })).messages[0])).toBe('b');
      const { messages, status } = await over;
      expect(messages.map(String)).toEqual(['a', 'a']);
      expect(status).toMatchObject({
        code: Status.UNAVAILABLE,
        details: expect.stringContaining('SHUTDOWN'),
      });
      await proxy.settled();
    });

    it('lets streams and calls end on a proxy that drains, and loses none on the way to another', async () => {
      const { server, proxy: leaving } = await chain();
      const staying = await scope.proxy({ ports: [server.port], appProtocol: 'h2c' });
      const client = scope.keep(
        new GrpcClient(`ipv4:127.0.0.1:${leaving.port},127.0.0.1:${staying.port}`, {
          'grpc.enable_retries': 1,
        }),
      );
      const call = client.bidi();
      const over = collect(call);
      call.write(Buffer.from('before'));
      await eventually('the stream is on the first', () => server.calls.length === 1);
      expect(leaving.worker.exchanges).toBe(1);

      const load = new AbortController();
      const failures: string[] = [];
      const callers = Array.from({ length: 10 }, async () => {
        while (!load.signal.aborted) {
          const { status } = await client.unary('x');
          if (status.code !== Status.OK) failures.push(`${status.code} ${status.details}`);
        }
      });
      await eventually('calls are under way', () => server.calls.length > 50);
      leaving.refuse();
      leaving.handler.drain();
      await eventually('they go to the other', () => staying.records.length > 50);
      load.abort();
      await Promise.all(callers);
      expect(failures).toEqual([]);

      call.write(Buffer.from('after'));
      call.end();
      const { messages, status } = await over;
      expect(status.code).toBe(Status.OK);
      expect(messages.map(String)).toEqual(['before', 'after']);
      await leaving.emptied();
      await staying.settled();
    });

    it('keeps nothing of 10,000 calls that were given up', async () => {
      const { server, proxy } = await chain();
      for (let round = 0; round < 100; round++) {
        const client = new GrpcClient(proxy.port);
        const calls = Array.from({ length: 100 }, (_, i) =>
          i % 2 === 0 ? client.bidi() : client.serverStream(1, { 'x-wait': '1' }),
        );
        const over = calls.map((call) => collect(call));
        await eventually('half of them are there', () => server.calls.length >= round * 50 + 50);
        for (const call of calls) call.cancel();
        await Promise.all(over);
        await client.close();
      }
      await proxy.emptied();
      expect(proxy.worker.sessions.idle).toBe(proxy.worker.backendConnections);
      expect(proxy.worker.deadlines.size).toBe(proxy.worker.backendConnections);
    });
  });

  it('has calls wait for their turn where the pool bounds what an endpoint gets', async () => {
    const { client, server } = await chain({
      resilience: resilience({
        limits: { maxRequestsPerEndpoint: 1, queue: { max: 1, timeoutMs: 10_000 } },
      }),
    });
    const first = client.bidi();
    const firstOver = collect(first);
    first.write(Buffer.from('x'));
    await eventually('it is there', () => server.calls.length === 1);
    const second = client.unary('second');
    await eventually('the third finds no place', async () => {
      const { status } = await client.unary('third', {}, { deadline: Date.now() + 300 });
      return status.details.includes('ALL_ENDPOINTS_FULL');
    });
    expect(server.calls).toHaveLength(1);
    first.end();
    expect((await firstOver).status.code).toBe(Status.OK);
    expect((await second).status.code).toBe(Status.OK);
  });
});
