import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { ok, type Script, ScriptedBackend, status } from '../../support/http/backend.ts';
import { HttpProxy } from '../../support/http/proxy.ts';

/** Section A of the catalogue on real sockets: what is accepted must come out as what it is, once. */
describe('framing through the proxy', () => {
  const closing: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const part of closing.splice(0).reverse()) await part.close();
  });

  async function start(
    script: Script = ({ socket, request }) => socket.write(ok(`${request.target} ${request.body}`)),
  ) {
    const backend = await ScriptedBackend.start(script);
    const proxy = await HttpProxy.start({ ports: [backend.port] });
    closing.push(backend, proxy);
    return { backend, proxy };
  }

  const CHUNKED_POST =
    'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x="y"\r\nhello\r\n001\r\n!\r\n0\r\nX-T: 1\r\nHost: b\r\n\r\n';

  // A12, B10
  it.each(['Transfer_Encoding: chunked', 'Content_Length: 5', 'X_Forwarded_For: 192.0.2.1'])(
    'drops %s',
    async (line) => {
      const { backend, proxy } = await start();
      expect((await proxy.request(`GET / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`)).status).toBe(200);
      expect(backend.requests[0]!.head).not.toContain('_');
    },
  );

  // A16, A17, A18: what a backend gets is canonical.
  it('writes chunks anew, and drops trailers that may not come late', async () => {
    const { backend, proxy } = await start();
    const seen: string[] = [];
    backend.script = ({ socket, request }) => {
      seen.push(request.head);
      socket.write(ok(request.body));
    };
    const response = await proxy.request(CHUNKED_POST);
    expect(response.body).toBe('hello!');
    expect(seen[0]).toMatch(/^Transfer-Encoding: chunked$/m);
    expect(seen[0]).not.toMatch(/content-length/i);
    expect(backend.requests[0]!.header('host')).toBe('a');
  });

  // A18
  it('passes on trailers of both directions that may come late', async () => {
    const bytes: string[] = [];
    const backend = await ScriptedBackend.start({
      onConnection: (socket) =>
        socket.on('data', (data: Buffer) => {
          bytes.push(data.toString('latin1'));
          if (!bytes.join('').endsWith('\r\n\r\n')) return;
          socket.write(
            'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 9\r\nSet-Cookie: a=b\r\n\r\n',
          );
        }),
    });
    const proxy = await HttpProxy.start({ ports: [backend.port] });
    closing.push(backend, proxy);
    const response = await proxy.request(CHUNKED_POST);
    expect(response).toMatchObject({ body: 'ok', trailers: 'X-Sum: 9\r\n' });
    expect(bytes.join('').split('\r\n\r\n')[1]).toBe('5\r\nhello\r\n1\r\n!\r\n0\r\nX-T: 1');
  });

  // A22
  it.each(['GET', 'HEAD', 'OPTIONS', 'DELETE'])('forwards the body of %s as a body', async (method) => {
    const { backend, proxy } = await start();
    const body = 'GET /admin HTTP/1.1\r\nHost: a\r\n\r\n';
    const response = await proxy.request(
      `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(response.status).toBe(200);
    expect(backend.requests).toHaveLength(1);
    expect(backend.requests[0]!.body).toBe(body);
  });

  // A23: a backend that answers the head and takes the body for another request.
  it.each(['GET', 'POST'])('lets nobody have the answer to the body of a %s', async (method) => {
    const backend = await ScriptedBackend.start({
      onConnection: (socket) => {
        let held = '';
        socket.on('data', (bytes: Buffer) => {
          held += bytes.toString('latin1');
          for (let end = held.indexOf('\r\n\r\n'); end !== -1; end = held.indexOf('\r\n\r\n')) {
            const path = held.split(' ', 2)[1]!;
            held = held.slice(end + 4);
            // The smuggled one takes its time, as one that asks a database would.
            const answer = () => socket.write(ok(path));
            if (path === '/admin') setTimeout(answer, 2);
            else answer();
          }
        });
      },
    });
    const proxy = await HttpProxy.start({ ports: [backend.port] });
    closing.push(backend, proxy);
    const body = 'GET /admin HTTP/1.1\r\nHost: a\r\n\r\n';
    const attacker = await proxy.connect();
    const user = await proxy.connect();
    for (let i = 0; i < 500; i++) {
      attacker.send(`${method} /attack HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      expect((await attacker.response(method)).body).toBe('/attack');
      expect((await user.request(`GET /user/${i} HTTP/1.1\r\nHost: a\r\n\r\n`)).body).toBe(`/user/${i}`);
    }
  });

  // A23
  it('uses no connection again whose request was answered before it was sent', async () => {
    const backend = await ScriptedBackend.start({
      onHead: ({ socket, request }) => socket.write(ok(request.target)),
    });
    const proxy = await HttpProxy.start({ ports: [backend.port] });
    closing.push(backend, proxy);
    const client = await proxy.connect();
    client.send('POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc');
    expect(await client.response('POST')).toMatchObject({ status: 200, body: '/early' });
    expect(await client.closed()).toBe('fin');
    expect((await proxy.get('/next')).body).toBe('/next');
    expect(backend.requests.map(({ connection }) => connection)).toEqual([1, 2]);
  });

  // A24
  it.each([417, 200, 401])('is not stuck when a backend answers an expectation with %i', async (code) => {
    const backend = await ScriptedBackend.start({ onHead: ({ socket }) => socket.write(status(code)) });
    const proxy = await HttpProxy.start({ ports: [backend.port] });
    closing.push(backend, proxy);
    const client = await proxy.connect();
    const interim: number[] = [];
    client.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
    expect((await client.response('POST', interim)).status).toBe(code);
    expect(interim).toEqual([]);
    expect(await client.closed()).toBe('fin');
    client.close();
    await proxy.settled();
    expect(proxy.worker.pool.size).toBe(0);
  });

  it('passes the go-ahead of a backend on, and then the body', async () => {
    const backend = await ScriptedBackend.start({
      onConnection: (socket) => {
        let held = '';
        socket.on('data', (bytes: Buffer) => {
          held += bytes.toString('latin1');
          if (held.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
          else if (held.endsWith('hello')) socket.write(ok('got it'));
        });
      },
    });
    const proxy = await HttpProxy.start({ ports: [backend.port] });
    closing.push(backend, proxy);
    const client = await proxy.connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
    await eventually('the go-ahead', () => client.received === 'HTTP/1.1 100 Continue\r\n\r\n');
    client.send('hello');
    expect((await client.response('POST')).body).toBe('got it');
  });

  // A26
  it('keeps interim responses with their request', async () => {
    const { proxy } = await start(({ socket, number }) => {
      const interim = number === 1 ? '100 Continue' : '103 Early Hints\r\nLink: </a.css>';
      socket.write(`HTTP/1.1 ${interim}\r\n\r\n`.repeat(2) + ok(`${number}`));
    });
    const client = await proxy.connect();
    const first: number[] = [];
    client.send('POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n1');
    expect((await client.response('POST', first)).body).toBe('1');
    expect(first).toEqual([100]);
    const second: number[] = [];
    client.send('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.response('GET', second)).body).toBe('2');
    expect(second).toEqual([103, 103]);
    const third: number[] = [];
    client.send('GET /3 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n');
    expect((await client.response('GET', third)).body).toBe('3');
    expect(third).toEqual([]);
  });

  // A29, A30
  it('answers 16 pipelined requests in order, some with an empty line before them', async () => {
    const { proxy } = await start(({ socket, request, number }) => {
      setTimeout(() => socket.write(ok(request.target)), number % 3 === 0 ? 5 : 0);
    });
    const client = await proxy.connect();
    const requests = Array.from(
      { length: 16 },
      (_, i) => `${i % 4 === 0 ? '\r\n' : ''}GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`,
    );
    client.send(requests.join(''));
    for (let i = 0; i < 16; i++) expect((await client.response()).body).toBe(`/${i}`);
  });

  // Its own parser takes what it sends: a chain of proxies works.
  it('names the address that an HTTP/1.0 client reached as Host', async () => {
    const { backend, proxy } = await start();
    expect((await proxy.request('GET / HTTP/1.0\r\n\r\n')).status).toBe(200);
    expect(backend.requests[0]!.header('host')).toBe(`127.0.0.1:${proxy.port}`);
  });
});
