import { describe, expect, it } from 'vitest';
import { endpoint, listener, poolConfig } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { ok } from '../../support/http/backend.ts';
import { httpScope } from '../../support/http/scope.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

describe('a client that leaves', () => {
  const scope = httpScope();

  it.each([
    ['waits for a response', GET],
    ['sends its body', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx'],
  ])('while it %s cancels the backend at once', async (_, text) => {
    // D10
    const { proxy, backend } = await scope.pair(() => {});
    for (const leave of ['destroy', 'resetAndDestroy'] as const) {
      const client = await proxy.connect();
      client.send(text);
      await eventually('the request is under way', () => backend.sockets.size === 1);
      const left = performance.now();
      client.socket[leave]();
      await eventually('the backend connection is closed', () => backend.sockets.size === 0);
      expect(performance.now() - left).toBeLessThan(1_000);
      await proxy.emptied();
    }
    expect(proxy.records.map(({ status, error }) => [status, error])).toEqual([
      [499, 'DOWNSTREAM_CLOSED'],
      [499, 'DOWNSTREAM_CLOSED'],
    ]);
    expect(proxy.passive).toEqual([]);
  });

  it('in the middle of a response cancels the backend', async () => {
    // D10
    const { proxy, backend } = await scope.pair(({ socket }) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'),
    );
    const client = await proxy.connect();
    client.send(GET);
    await eventually('half of it is there', () => client.received.endsWith('half'));
    client.close();
    await eventually('the backend connection is closed', () => backend.sockets.size === 0);
    await proxy.emptied();
    expect(proxy.passive).toEqual([]);
  });

  it('while a connection is being made leaves nothing behind', async () => {
    // D10
    const proxy = await scope.proxy({ endpoints: { v1: [endpoint({ address: '192.0.2.1', port: 9 })] } });
    const client = await proxy.connect();
    client.send(GET);
    await eventually('it is under way', () => proxy.worker.exchanges === 1 || proxy.records.length === 1);
    client.close();
    await proxy.emptied();
  });

  it('many times over leaves every count at zero', async () => {
    // D10, D11
    const { proxy } = await scope.pair(({ request, socket }) => {
      if (request.target === '/now') socket.write(ok('x'));
    });
    for (let round = 0; round < 20; round++) {
      const clients = await Promise.all(Array.from({ length: 20 }, () => proxy.connect()));
      for (const [i, client] of clients.entries()) {
        client.send(`GET ${i % 2 === 0 ? '/now' : '/never'} HTTP/1.1\r\nHost: a\r\n\r\n`);
      }
      if (round % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
      for (const client of clients) client.close();
    }
    expect((await proxy.get('/now')).status).toBe(200);
    await proxy.emptied();
    expect(proxy.passive.filter(({ kind }) => kind !== 'success')).toEqual([]);
    expect(proxy.worker.backendConnections).toBe(proxy.worker.pool.size);
  });
});

describe('slow clients', () => {
  const scope = httpScope();
  const timeouts = { ...listener().timeouts, requestHeaderMs: 500, idleMs: 500 };
  const config = { ...poolConfig(), listeners: [listener({ timeouts })] };

  it('are closed when they send nothing, or a head too slowly, and harm nobody', async () => {
    // F08, F10
    const { proxy } = await scope.pair({}, config);
    const silent = await Promise.all(Array.from({ length: 50 }, () => proxy.connect()));
    const dripping = await Promise.all(Array.from({ length: 50 }, () => proxy.connect()));
    const started = performance.now();
    const timer = setInterval(() => {
      for (const client of dripping) if (client.ended === 'no') client.send('G');
    }, 100);
    while (performance.now() - started < 600) expect((await proxy.get()).status).toBe(200);
    for (const client of silent) expect(await client.closed()).toBe('fin');
    for (const client of dripping) {
      expect(await client.closed()).toBe('fin');
      expect(client.received).toContain('HTTP/1.1 408 Request Timeout');
    }
    clearInterval(timer);
    expect(performance.now() - started).toBeLessThan(3_000);
    await proxy.emptied();
  });

  it('are closed when they stop in the middle of a body', async () => {
    // F09
    const { proxy, backend } = await scope.pair({}, config);
    const client = await proxy.connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx');
    expect((await client.response('POST')).body).toBe(
      '408 the request body stopped coming (DOWNSTREAM_BODY_TIMEOUT)\n',
    );
    await eventually('the backend connection is closed', () => backend.sockets.size === 0);
    expect(proxy.passive).toEqual([]);
  });

  it('are closed when they do not read their response', async () => {
    // F09
    const { proxy, backend } = await scope.pair(({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n`);
      const more = () => {
        if (!socket.destroyed) socket.write(Buffer.alloc(65_536), more);
      };
      more();
    }, config);
    const client = await proxy.connect();
    client.socket.pause();
    client.send(GET);
    await eventually(
      'the backend connection is closed',
      () => backend.connections === 1 && backend.sockets.size === 0,
    );
    await proxy.emptied();
    expect(proxy.records[0]!.error).toBe('DOWNSTREAM_IDLE');
  });

  it('are closed when they keep a connection and do not use it', async () => {
    const { proxy } = await scope.pair({}, config);
    const client = await proxy.connect();
    await client.request(GET);
    expect(await client.closed()).toBe('fin');
    expect(client.received).not.toContain('408');
  });

  it('may take their time while something moves', async () => {
    const { proxy } = await scope.pair(({ request, socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n');
      let left = 8;
      const timer = setInterval(() => {
        socket.write('x');
        left -= 1;
        if (left === 0) clearInterval(timer);
      }, request.body.length * 20);
    }, config);
    const client = await proxy.connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n');
    for (let i = 0; i < 8; i++) {
      await new Promise((resolve) => setTimeout(resolve, 160));
      client.send('x');
    }
    expect((await client.response('POST')).body).toBe('xxxxxxxx');
  });
});
