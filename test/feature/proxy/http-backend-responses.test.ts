import { describe, expect, it } from 'vitest';
import { resilience } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { ok } from '../../support/http/backend.ts';
import { httpScope } from '../../support/http/scope.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\n{}';

describe('a response that a backend must not send', () => {
  const scope = httpScope();

  it.each([
    ['two framings', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['a length with a sign', 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello'],
    ['a folded line', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n'],
    ['a NUL', 'HTTP/1.1 200 OK\r\nA: b\0\r\nContent-Length: 0\r\n\r\n'],
    ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'],
    ['a bare CR in a value', 'HTTP/1.1 200 OK\r\nA: b\rSet-Cookie: c\r\nContent-Length: 0\r\n\r\n'],
    [
      'a protocol that was not asked for',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    ],
    ['something that is not HTTP', '220 mail.example ESMTP\r\n'],
  ])('gives 502 for %s, and closes the connection', async (_, answer) => {
    // C01, C02, C17
    const { proxy, backend } = await scope.pair(({ socket }) => socket.write(answer, 'latin1'));
    const client = await proxy.connect();
    const response = await client.request(GET);
    expect(response.status).toBe(502);
    expect(response.body).toBe('502 the backend sent an invalid response (UPSTREAM_PROTOCOL)\n');
    await eventually('the connection is closed', () => backend.sockets.size === 0);
    expect(proxy.passive).toEqual([{ kind: 'failure', port: backend.port, detail: 'UPSTREAM_PROTOCOL' }]);
    expect(backend.requests).toHaveLength(1);
  });

  it('gives 502 for a head that does not end, within bounded memory', async () => {
    // C10
    const { proxy } = await scope.pair(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const more = () => {
        if (!socket.destroyed) socket.write('X-Header: value\r\n'.repeat(1_000), more);
      };
      more();
    });
    expect((await proxy.get()).status).toBe(502);
    expect(proxy.records[0]!.error).toBe('UPSTREAM_HEADERS_TOO_LARGE');
  });

  it('gives 502 when interim responses do not end', async () => {
    // C15
    const { proxy } = await scope.pair(({ socket }) =>
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(10_000)),
    );
    const client = await proxy.connect();
    const interim: number[] = [];
    client.send(GET);
    expect((await client.response('GET', interim)).status).toBe(502);
    expect(interim.length).toBeLessThan(100);
  });

  it('resets the client when a bad chunk comes after the head', async () => {
    // C01
    const { proxy } = await scope.pair(({ socket }) =>
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nwrong\r\n'),
    );
    const client = await proxy.connect();
    client.send(GET);
    expect(await client.closed()).toBe('reset');
    expect(proxy.records[0]!.error).toBe('UPSTREAM_PROTOCOL');
  });

  it('does not let a truncated response look complete', async () => {
    // C07, C08, C12
    for (const head of [
      'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n',
    ]) {
      const { proxy } = await scope.pair(({ socket }) => socket.end(`${head}partial`));
      const client = await proxy.connect();
      client.send(GET);
      expect(await client.closed()).toBe('reset');
      await proxy.settled();
      expect(proxy.records[0]).toMatchObject({ status: 200, error: 'UPSTREAM_RESET' });
    }
  });

  it('does not let a body that was cut off by a reset look complete', async () => {
    // C07
    const { proxy } = await scope.pair(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nunframed');
      setTimeout(() => socket.resetAndDestroy(), 20);
    });
    const client = await proxy.connect();
    client.send(GET);
    expect(await client.closed()).toBe('reset');
  });

  it('discards a body where there must be none, with its connection', async () => {
    // C06
    const { proxy, backend } = await scope.pair(({ request, socket }) => {
      if (request.method === 'HEAD') socket.write(ok('body'));
      else if (request.target === '/204') socket.write('HTTP/1.1 204 No Content\r\n\r\nbody');
      else if (request.target === '/304') socket.write('HTTP/1.1 304 Not Modified\r\n\r\nbody');
      else socket.write(ok('good'));
    });
    const client = await proxy.connect();
    for (const line of ['HEAD /', 'GET /204', 'GET /304']) {
      await client.request(`${line} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect((await client.request(GET)).body).toBe('good');
    }
    expect(backend.connections).toBeGreaterThanOrEqual(4);
  });

  it('does not use a connection again on which more than the response came', async () => {
    // C03
    const { proxy, backend } = await scope.pair(({ number, socket }) =>
      socket.write(ok(`answer ${number}`) + (number === 1 ? ok('smuggled') : '')),
    );
    const client = await proxy.connect();
    expect((await client.request(GET)).body).toBe('answer 1');
    expect((await client.request(GET)).body).toBe('answer 2');
    expect(backend.connections).toBe(2);
  });

  it('discards an idle connection on which something comes unasked', async () => {
    // C04
    const { proxy, backend } = await scope.pair(({ number, socket }) => {
      socket.write(ok(`answer ${number}`));
      if (number === 1) setTimeout(() => socket.write(ok('unsolicited')), 20);
    });
    const client = await proxy.connect();
    expect((await client.request(GET)).body).toBe('answer 1');
    await eventually('the connection is discarded', () => proxy.worker.discarded === 1);
    expect((await client.request(GET)).body).toBe('answer 2');
    expect(backend.connections).toBe(2);
  });

  it('discards it also when the unasked bytes came while the thread was busy', async () => {
    // C05
    const { Worker } = await import('node:worker_threads');
    const thread = new Worker(new URL('../../support/http/unasked-backend.ts', import.meta.url));
    scope.keep({ close: async () => void (await thread.terminate()) });
    const port = await new Promise<number>((resolve) => thread.once('message', resolve));
    const proxy = await scope.proxy({ ports: [port] });
    const first = await proxy.connect();
    const second = await proxy.connect();
    expect((await first.request(GET)).body).toBe('good');
    // The backend says something 50 ms later. Until then the thread is busy, and it still is when the next request
    // comes: that one is handled before the event for the backend's connection can be.
    second.send(GET);
    const end = performance.now() + 200;
    while (performance.now() < end);
    expect((await second.response()).body).toBe('good');
    expect(proxy.worker.discarded).toBe(1);
  });
});

describe('a backend that closes connections', () => {
  const scope = httpScope();

  it('costs no request when it closes idle ones after the time it announces', async () => {
    // H12, C13
    const { proxy, backend } = await scope.pair(({ socket }) => {
      socket.write(ok('x', 'Keep-Alive: timeout=2\r\n'));
      socket.setTimeout(2_000, () => socket.destroy());
    });
    const client = await proxy.connect();
    for (const pause of [0, 900, 1_000, 1_100, 1_900, 2_000, 2_100]) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      expect((await client.request(POST)).status).toBe(200);
    }
    expect(backend.requests).toHaveLength(7);
  });

  it('gives a request that may not be repeated no connection that has been idle for a second', async () => {
    const { proxy, backend } = await scope.pair();
    const client = await proxy.connect();
    await client.request(POST);
    await client.request(POST);
    expect(backend.connections).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    await client.request(GET);
    expect(backend.connections).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    await client.request(POST);
    expect(backend.connections).toBe(2);
  });

  it('gets a repeatable request again on a new connection, and another one not', async () => {
    // C13, D02, D03
    let closes = false;
    const { proxy, backend } = await scope.pair(({ request, socket }) => {
      if (closes && request.connection === 1) socket.destroy();
      else socket.write(ok(request.body));
    });
    const client = await proxy.connect();
    await client.request(POST);
    closes = true;
    expect((await client.request(GET)).status).toBe(200);
    expect(backend.requests.map(({ connection }) => connection)).toEqual([1, 1, 2]);
    expect(proxy.records.at(-1)).toMatchObject({ attempts: 2, error: undefined });
    expect(proxy.passive.filter(({ kind }) => kind === 'failure')).toEqual([]);
  });

  it('answers 502 for a POST whose kept connection was closed under it', async () => {
    // C13: the backend counts it once
    const { proxy, backend } = await scope.pair(({ number, socket }) => {
      if (number === 2) socket.destroy();
      else socket.write(ok('x'));
    });
    const client = await proxy.connect();
    await client.request(POST);
    expect((await client.request(POST)).status).toBe(502);
    expect(backend.requests).toHaveLength(2);
    expect(proxy.records.at(-1)!.error).toBe('UPSTREAM_STALE_CONNECTION');
  });

  it('times out when no head comes, and when one drips', async () => {
    // C11
    const config = { resilience: resilience({ timeouts: { connectMs: 1_000, responseHeaderMs: 300 } }) };
    for (const drips of [false, true]) {
      const { proxy, backend } = await scope.pair(({ socket }) => {
        if (!drips) return;
        const text = ok('x'.repeat(100));
        let at = 0;
        const timer = setInterval(() => {
          if (socket.destroyed) clearInterval(timer);
          else socket.write(text[at++ % text.length]!);
        }, 30);
      }, config);
      expect((await proxy.get()).status).toBe(504);
      expect(proxy.records[0]!.error).toBe('UPSTREAM_RESPONSE_TIMEOUT');
      await eventually('the connection is closed', () => backend.sockets.size === 0);
    }
  });
});
