import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { traitsOf } from '../../../proxy/errors.ts';
import { requestError } from '../../../proxy/http/h1/fault.ts';
import { eventually } from '../../support/eventually.ts';
import { ok, ScriptedBackend } from '../../support/http/backend.ts';
import type { RawClient } from '../../support/http/client.ts';
import { HttpProxy } from '../../support/http/proxy.ts';
import { REFUSED_REQUESTS } from '../../support/http/refused-requests.ts';

/** Sections A and B of the catalogue on real sockets: what must be refused, and how. */
describe('a request that is refused', () => {
  let backend: ScriptedBackend;
  let proxy: HttpProxy;
  let bystander: RawClient;

  beforeAll(async () => {
    backend = await ScriptedBackend.start(({ socket }) => socket.write(ok('fine')));
    proxy = await HttpProxy.start({ ports: [backend.port] });
    bystander = await proxy.connect();
  });
  afterAll(async () => {
    await proxy.close();
    await backend.close();
  });

  const refusals = (reason: string): number => {
    const metric = proxy.metrics.find(({ name }) => name === 'evenkeel_refused_requests_total');
    return metric?.values.find(({ labels }) => labels['reason'] === reason)?.value ?? 0;
  };

  /** One answer, then the end of the connection; counted; nothing of it at the backend; nobody else is hurt. */
  async function expectRefused(
    send: (client: RawClient) => void,
    status: number,
    reason: string,
  ): Promise<void> {
    const before = {
      seen: backend.requests.length,
      connections: backend.connections,
      count: refusals(reason),
    };
    const client = await proxy.connect();
    send(client);
    const response = await client.response();
    expect(response.status).toBe(status);
    expect(response.header('connection')).toBe('close');
    expect(await client.closed()).toBe('fin');
    expect(client.received).toBe(response.head + response.body);
    client.close();
    expect(refusals(reason)).toBe(before.count + 1);
    expect(backend.requests.length).toBe(before.seen);
    expect(backend.connections).toBe(before.connections);
    expect(await bystander.request('GET /alive HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({
      status: 200,
      body: 'fine',
    });
  }

  beforeAll(async () => {
    // The bystander's backend connection is there before anything is counted.
    await bystander.request('GET /first HTTP/1.1\r\nHost: a\r\n\r\n');
  });

  // At the start of a connection it is no error.
  const refused = REFUSED_REQUESTS.filter(({ fault }) => fault !== 'http2_preface');

  it.each(refused)('$id $what: $fault', async ({ text, fault }) => {
    await expectRefused((client) => client.send(text), traitsOf(requestError(fault)).status, fault);
  });

  // A32
  it('when the HTTP/2 preface comes on a connection that speaks HTTP/1.1', async () => {
    const client = await proxy.connect();
    const before = refusals('http2_preface');
    expect(await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({ status: 200 });
    expect(await client.request('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toMatchObject({ status: 400 });
    expect(await client.closed()).toBe('fin');
    expect(refusals('http2_preface')).toBe(before + 1);
    client.close();
  });

  // B06
  it('says with a refused method which ones there are', async () => {
    const client = await proxy.connect();
    const response = await client.request('TRACE / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(response.header('allow')).toContain('GET');
    client.close();
  });

  // A34: junk, at once and bit by bit.
  it('when it is 64 KiB of noise', async () => {
    const noise = Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 131 + (i >> 8) * 17) & 0xff));
    await expectRefused((client) => client.send(noise), 400, 'method_invalid');
  });

  // A35: faults are found in pieces, too.
  it('when its fault comes byte by byte', async () => {
    const text = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n';
    await expectRefused(
      (client) => {
        for (const byte of text) client.send(byte);
      },
      400,
      'cl_te',
    );
  });

  // A17
  it('when 10,000 chunks carry 1 KiB of extension each', async () => {
    const client = await proxy.connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let i = 0; i < 10_000; i++) client.send(`1;${'a'.repeat(1_024)}\r\nx\r\n`);
    expect((await client.response('POST')).status).toBe(413);
    client.close();
    expect(backend.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  // A29
  it('after good ones in the same packet, which are answered first and in order', async () => {
    const client = await proxy.connect();
    const good = (i: number) => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const requests = Array.from({ length: 16 }, (_, i) =>
      i === 7 ? 'GET /bad HTTP/1.1\r\nHost: a, b\r\n\r\n' : good(i),
    );
    const before = backend.requests.length;
    client.send(requests.join(''));
    for (let i = 0; i < 7; i++) expect((await client.response()).status).toBe(200);
    expect((await client.response()).status).toBe(400);
    expect(await client.closed()).toBe('fin');
    expect(backend.requests.slice(before).map(({ target }) => target)).toEqual(
      Array.from({ length: 7 }, (_, i) => `/${i}`),
    );
    client.close();
  });

  it('leaves nothing behind', async () => {
    bystander.close();
    await proxy.settled();
  });
});

/** A body that turns out bad when some of it is on its way already. */
describe('a body that breaks off or goes wrong', () => {
  const started: { close(): Promise<void> }[] = [];
  afterAll(async () => {
    for (const part of started) await part.close();
  });

  async function start() {
    const partial: { bytes: string; ended: 'no' | 'fin' | 'reset' }[] = [];
    const backend = await ScriptedBackend.start({
      onConnection: (socket) => {
        const seen = { bytes: '', ended: 'no' as 'no' | 'fin' | 'reset' };
        partial.push(seen);
        socket.on('data', (bytes: Buffer) => (seen.bytes += bytes.toString('latin1')));
        socket.on('end', () => (seen.ended = 'fin'));
        socket.on('close', () => (seen.ended = seen.ended === 'no' ? 'reset' : seen.ended));
      },
    });
    const proxy = await HttpProxy.start({ ports: [backend.port] });
    started.push(proxy, backend);
    return { proxy, partial };
  }

  // A15, A16, A19: what came before the fault was good; what follows never reaches the backend.
  it.each([
    ['a chunk size', 'zz\r\nGET /admin HTTP/1.1\r\n\r\n', 400],
    ['a chunk end', '3\r\nabcGET /admin HTTP/1.1\r\n\r\n', 400],
    ['an extension', '3;\r\nabc\r\n', 400],
    ['trailers', `0\r\nX-A: ${'a'.repeat(9_000)}\r\n\r\n`, 431],
    ['a trailer line', '0\r\nGET /admin HTTP/1.1\r\n\r\n', 400],
  ])('is refused for %s, and its backend connection is given up', async (_, bad, status) => {
    const { proxy, partial } = await start();
    const client = await proxy.connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n');
    await eventually('the good part at the backend', () => partial[0]?.bytes.endsWith('2\r\nok\r\n'));
    const good = partial[0]!.bytes;
    client.send(bad);
    expect((await client.response('POST')).status).toBe(status);
    expect(await client.closed()).toBe('fin');
    await eventually('the backend connection to be given up', () => partial[0]!.ended !== 'no');
    const after = partial[0]!.bytes.slice(good.length);
    expect(after).not.toContain('admin');
    expect(after).not.toContain('0\r\n\r\n');
    client.close();
    await proxy.settled();
    expect(proxy.worker.pool.size).toBe(0);
  });

  // A20
  it('is not taken for whole when the client leaves before its end', async () => {
    const { proxy, partial } = await start();
    const client = await proxy.connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf!');
    await eventually('half of it at the backend', () => partial[0]?.bytes.endsWith('half!'));
    client.socket.end();
    await eventually('the backend connection to be given up', () => partial[0]!.ended !== 'no');
    expect(partial[0]!.bytes.endsWith('half!')).toBe(true);
    client.close();
    await proxy.settled();
    expect(proxy.worker.pool.size).toBe(0);
  });
});
