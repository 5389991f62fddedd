import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import {
  createSecureContext,
  createServer as createTlsServer,
  TLSSocket,
  type SecureVersion,
  type TlsOptions,
} from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BackendTLS, ProbeConfig } from '../../../api/snapshot.ts';
import { systemClock } from '../../../lib/clock.ts';
import { createProber } from '../../../proxy/health/prober.ts';
import { probeSpec } from '../../../proxy/health/probe.ts';
import { activeCheck, backend, resilience } from '../../support/builders.ts';
import { type LeafOptions, TestAuthority } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { ok, type Script, ScriptedBackend } from '../../support/http/backend.ts';
import { HttpProxy, type HttpProxyOptions } from '../../support/http/proxy.ts';
import { httpScope } from '../../support/http/scope.ts';
import { converse, dialTcp, readAll } from '../../support/tcp-client.ts';
import { endpointsAt, TcpPort } from '../../support/tcp-port.ts';

const { keep } = httpScope();

const NAME = 'db.example.com';
let authority: TestAuthority;
let clients: TestAuthority;

beforeAll(async () => {
  authority = await TestAuthority.create();
  clients = await TestAuthority.create('clients');
});

async function serverOptions(leaf: LeafOptions = {}): Promise<{ cert: string; key: string }> {
  const { chain, privateKey } = await authority.issue({ names: [NAME], ...leaf });
  return { cert: chain, key: privateKey };
}

/** A backend that says who its client is, and whether the session was resumed. */
const tells: Script = ({ socket }) => {
  const secured = socket as TLSSocket;
  const subject = secured.getPeerX509Certificate()?.subject ?? 'nobody';
  socket.write(ok(`${subject} ${secured.isSessionReused() ? 'again' : 'new'}`));
};

async function tlsBackend(options: TlsOptions = {}, script: Script = tells): Promise<ScriptedBackend> {
  const tls = { ...(await serverOptions()), ...options };
  return keep(await ScriptedBackend.start({ tls, script }));
}

/** Says something to who has said something, and ends: TLS with a goodbye (`close_notify`), or TCP alone. */
async function endingBackend(
  says: string,
  { end, maxVersion = 'TLSv1.3' }: { end: 'TLS' | 'TCP'; maxVersion?: SecureVersion },
): Promise<{ readonly port: number }> {
  const secureContext = createSecureContext({ ...(await serverOptions()), maxVersion });
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (encrypted) => {
    sockets.add(encrypted);
    const socket = new TLSSocket(encrypted, { isServer: true, secureContext });
    for (const each of [encrypted, socket]) each.on('error', () => encrypted.destroy());
    const last = end === 'TLS' ? socket : encrypted;
    socket.once('data', () => socket.write(says, () => last.end()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return keep({
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

function verify(over: Partial<BackendTLS> = {}): BackendTLS {
  return { mode: 'Verify', serverName: NAME, ca: authority.certificate, ...over };
}

function behind(
  server: { readonly port: number },
  tls: BackendTLS,
  more: Partial<HttpProxyOptions> = {},
): HttpProxyOptions {
  const { config, ...rest } = more;
  const retries = { ...resilience().retries, attempts: 0 };
  return {
    ports: [server.port],
    config: {
      backends: [backend({ tls, appProtocol: more.appProtocol ?? 'http1' })],
      resilience: resilience({ retries }),
      ...config,
    },
    ...rest,
  };
}

async function proxyTo(
  server: { readonly port: number },
  tls: BackendTLS,
  more: Partial<HttpProxyOptions> = {},
): Promise<HttpProxy> {
  return keep(await HttpProxy.start(behind(server, tls, more)));
}

describe('TLS to HTTP backends', () => {
  it('is spoken to the one with the right name and authority, over a connection that is kept', async () => {
    const server = await tlsBackend();
    const proxy = await proxyTo(server, verify());
    for (let i = 0; i < 3; i++) expect((await proxy.get()).body).toBe('nobody new');
    expect(server.connections).toBe(1);
  });

  it('carries large bodies both ways', async () => {
    const large = 'evenkeel'.repeat(500_000);
    const server = await tlsBackend({}, ({ socket, request }) =>
      socket.write(ok(`${request.body.length} ${large}`)),
    );
    const proxy = await proxyTo(server, verify());
    const { body } = await proxy.request(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${large.length}\r\n\r\n${large}`,
    );
    expect(body === `${large.length} ${large}`).toBe(true);
  });

  const versions = ['TLSv1.2', 'TLSv1.3'] as const;
  // Whoever is on the way can end TCP.
  it.each(versions)('takes a response for whole only if %s ends with it', async (maxVersion) => {
    const text = 'evenkeel'.repeat(200_000);
    const response = `HTTP/1.1 200 OK\r\n\r\n${text}`;
    const whole = await proxyTo(await endingBackend(response, { end: 'TLS', maxVersion }), verify());
    const slow = await whole.connect();
    slow.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    slow.socket.pause();
    await eventually('the client has not read it', () => slow.socket.readableLength > 0);
    slow.socket.resume();
    expect((await slow.response()).body === text).toBe(true);
    const cut = await proxyTo(await endingBackend(response, { end: 'TCP', maxVersion }), verify());
    const client = await cut.connect();
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await expect(client.response()).rejects.toThrow('the connection ended');
    await cut.emptied();
    expect(cut.records.map(({ error }) => error)).toEqual(['UPSTREAM_RESET']);
  });

  it('does not ask for a goodbye where a response says how long it is', async () => {
    const proxy = await proxyTo(await endingBackend(ok('whole'), { end: 'TCP' }), verify());
    for (let i = 0; i < 2; i++) expect(await proxy.get()).toMatchObject({ status: 200, body: 'whole' });
    await proxy.settled();
    expect(proxy.passive.map(({ kind }) => kind)).toEqual(['success', 'success']);
  });

  it('trusts what an authority has signed that is itself below another one', async () => {
    const below = await authority.subordinate();
    const { chain, privateKey } = await below.issue({ names: [NAME] });
    const server = await tlsBackend({ cert: chain, key: privateKey });
    const proxy = await proxyTo(server, verify({ ca: below.certificate }));
    expect((await proxy.get()).body).toBe('nobody new');
  });

  const strangers: readonly (readonly [string, () => Promise<TlsOptions>, () => Promise<BackendTLS>])[] = [
    ['another name', () => serverOptions({ names: ['other.example.com'] }), async () => verify()],
    ['an unknown authority', () => serverOptions(), async () => verify({ ca: clients.certificate })],
    [
      'no authority that this machine knows',
      () => serverOptions(),
      async () => ({ mode: 'Verify', serverName: NAME }),
    ],
    [
      'a certificate that has expired',
      () => serverOptions({ notAfter: Date.now() - 1_000 }),
      async () => verify(),
    ],
  ];
  it.each(strangers)('is not spoken to one with %s: nothing is sent', async (_, server, tls) => {
    const stranger = await tlsBackend(await server());
    const proxy = await proxyTo(stranger, await tls());
    const { status, body } = await proxy.get();
    expect([status, body]).toEqual([503, expect.stringContaining('UPSTREAM_TLS_FAILED')]);
    expect(stranger.requests).toEqual([]);
    expect(proxy.passive).toMatchObject([{ kind: 'failure', detail: 'UPSTREAM_TLS_FAILED' }]);
    await proxy.emptied();
  });

  it('fails in good order where the backend speaks none', async () => {
    const plain = keep(await ScriptedBackend.start());
    const proxy = await proxyTo(plain, verify()).catch((error: unknown) => Promise.reject(error));
    plain.script = ({ socket }) => socket.write(ok('in clear'));
    const deaf = keep(
      await ScriptedBackend.start({
        onConnection: (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      }),
    );
    proxy.update(behind(deaf, verify()));
    expect((await proxy.get()).status).toBe(503);
    await proxy.emptied();
  });

  it('takes any certificate where it is told to skip verification, and then knows nobody', async () => {
    const server = await tlsBackend(await serverOptions({ names: ['other.example.com'] }));
    const proxy = await proxyTo(server, { mode: 'SkipVerify' });
    expect((await proxy.get()).status).toBe(200);
  });

  it('shows the client certificate, and never one connection or session to two identities', async () => {
    const server = await tlsBackend({ requestCert: true, rejectUnauthorized: true, ca: clients.certificate });
    const identity = async (name: string): Promise<BackendTLS> =>
      verify({ clientCertificate: await clients.issue({ names: [name] }) });
    const [alice, bob] = [await identity('alice'), await identity('bob')];
    const proxy = await proxyTo(server, alice);
    expect((await proxy.get()).body).toBe('CN=alice new');
    expect((await proxy.get()).body).toBe('CN=alice new');
    expect(server.connections).toBe(1);

    // The idle connection is alice's, and so is the session.
    proxy.update(behind(server, bob));
    expect((await proxy.get()).body).toBe('CN=bob new');
    expect(server.connections).toBe(2);
    await eventually('alice’s connection is closed', () => server.sockets.size === 1);

    // A backend that restarts is met again with bob's own session.
    await Promise.all(
      [...server.sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve).destroy())),
    );
    await eventually('the proxy knows', () => proxy.worker.pool.size === 0);
    expect((await proxy.get()).body).toBe('CN=bob again');
    proxy.update(behind(server, alice));
    expect((await proxy.get()).body).toBe('CN=alice new');
  });

  it('begins after the PROXY protocol header', async () => {
    const pair = await serverOptions();
    const seen: string[] = [];
    const server = keep(
      await ScriptedBackend.start({
        onConnection: (socket) => {
          socket.once('data', (bytes: Buffer) => {
            const end = bytes.indexOf('\r\n') + 2;
            seen.push(bytes.toString('latin1', 0, end));
            socket.pause();
            socket.unshift(bytes.subarray(end));
            inner.emit('connection', socket);
          });
        },
      }),
    );
    const inner = createTlsServer(pair, (socket) => {
      socket.once('data', () => socket.write(ok('secured')));
      socket.on('error', () => {});
    });
    const proxy = await proxyTo(server, verify(), {
      config: { backends: [backend({ tls: verify() })], backendProxyProtocol: 'V1' },
    });
    expect((await proxy.get()).body).toBe('secured');
    expect(seen[0]).toMatch(/^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n$/);
  });
});

describe('HTTP/2 over TLS to backends', () => {
  async function secureHttp2(): Promise<{ port: number; sessions: () => number; close(): Promise<void> }> {
    const { cert, key } = await serverOptions();
    const server = createSecureServer({ cert, key });
    let sessions = 0;
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    server.on('session', () => (sessions += 1));
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      stream.respond({ ':status': 200 });
      stream.end(`h2 ${String(headers[':scheme'])}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return keep({
      port: (server.address() as AddressInfo).port,
      sessions: () => sessions,
      async close() {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => server.close(resolve));
      },
    });
  }

  it('is settled by ALPN, and its sessions are shared', async () => {
    const server = await secureHttp2();
    const proxy = await proxyTo(server, verify(), { appProtocol: 'h2c' });
    const answers = await Promise.all([proxy.get(), proxy.get(), proxy.get()]);
    expect(answers.map(({ body }) => body)).toEqual(['h2 https', 'h2 https', 'h2 https']);
    expect(server.sessions()).toBe(1);
    // Another identity, another session.
    proxy.update(
      behind(server, verify({ clientCertificate: await clients.issue() }), { appProtocol: 'h2c' }),
    );
    expect((await proxy.get()).body).toBe('h2 https');
    expect(server.sessions()).toBe(2);
  });

  it('is not spoken to one that has not agreed to it, or to a stranger', async () => {
    const proxy = await proxyTo(await tlsBackend(), verify(), { appProtocol: 'h2c' });
    expect((await proxy.get()).status).toBe(503);
    const stranger = await proxyTo(await secureHttp2(), verify({ serverName: 'other.example.com' }), {
      appProtocol: 'h2c',
    });
    expect(await stranger.get()).toMatchObject({
      status: 503,
      body: expect.stringContaining('UPSTREAM_TLS_FAILED'),
    });
  });
});

describe('TLS to TCP backends', () => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0).toReversed()) await one.close();
  });

  async function portTo(tls: BackendTLS, options: TlsOptions = {}): Promise<TcpPort> {
    const server = createTlsServer(
      { ...(await serverOptions()), allowHalfOpen: true, ...options },
      (socket) => {
        socket.on('error', () => {});
        socket.pipe(socket);
      },
    );
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    open.push({
      async close() {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => server.close(resolve));
      },
    });
    const port = await TcpPort.listen(endpointsAt((server.address() as AddressInfo).port), {
      config: { backends: [backend({ tls })] },
    });
    open.push(port);
    return port;
  }

  it('carries every byte both ways, and the end of each', async () => {
    const port = await portTo(verify());
    const sent = Buffer.alloc(2_000_000, 'evenkeel ');
    const { bytes, error } = await converse(port.port, sent);
    expect(error).toBeUndefined();
    expect(bytes.equals(sent)).toBe(true);
    await eventually('it is over', () => port.inFlight === 0 && port.worker.records.length === 1);
    expect(port.worker.records[0]).toMatchObject({
      error: undefined,
      bytesIn: sent.length,
      bytesOut: sent.length,
    });
  });

  it('passes on an end without a goodbye as a reset', async () => {
    for (const [end, error] of [
      ['TLS', undefined],
      ['TCP', 'ECONNRESET'],
    ] as const) {
      const { port: behindPort } = await endingBackend('part', { end });
      const port = await TcpPort.listen(endpointsAt(behindPort), {
        config: { backends: [backend({ tls: verify() })] },
      });
      open.push(port);
      const client = dialTcp(port.port);
      const all = readAll(client);
      client.write('x');
      expect(await all).toEqual({ bytes: Buffer.from('part'), error });
      client.destroy();
      await eventually('it is over', () => port.inFlight === 0 && port.worker.records.length === 1);
      expect(port.worker.records[0]?.error).toBe(error && 'UPSTREAM_RESET');
    }
  });

  it('ends a client’s connection where the backend is a stranger', async () => {
    const port = await portTo(verify({ serverName: 'other.example.com' }));
    expect((await converse(port.port, 'secret')).error).toBe('ECONNRESET');
    expect(port.worker.errors).toEqual(['UPSTREAM_TLS_FAILED']);
  });
});

describe('health checks of backends with TLS', () => {
  const prober = createProber(systemClock);

  async function probe(config: ProbeConfig, port: number, tls: BackendTLS): Promise<string> {
    const check = activeCheck({ probe: config, timeoutMs: 10_000 });
    const spec = probeSpec(check, { pool: 'n/p', backend: 'v1' }, tls);
    return new Promise((resolve) => {
      prober.run({ address: '127.0.0.1', port, spec }, (result) =>
        resolve(result.kind === 'fail' ? `${result.reason}: ${result.message}` : result.kind),
      );
    });
  }

  const http: ProbeConfig = {
    type: 'HTTP',
    path: '/',
    method: 'GET',
    headers: [],
    expectedStatuses: [{ start: 200, end: 299 }],
  };

  it('speak it, and say what is wrong with it', async () => {
    const server = await tlsBackend();
    const stranger = verify({ serverName: 'other.example.com' });
    for (const config of [http, { type: 'TCP' } as const]) {
      expect(await probe(config, server.port, verify())).toBe('pass');
      expect(await probe(config, server.port, stranger)).toBe(
        'TLSFailed: the TLS handshake failed: ERR_TLS_CERT_ALTNAME_INVALID',
      );
    }
    const plain = keep(await ScriptedBackend.start({ onConnection: (socket) => socket.end('no\n') }));
    expect(await probe(http, plain.port, verify())).toMatch(/^(TLSFailed|ConnectFailed): /);
  });

  it('fail where traffic would, for want of a goodbye', async () => {
    const response = 'HTTP/1.1 200 OK\r\n\r\nfine';
    const polite = await endingBackend(response, { end: 'TLS' });
    expect(await probe(http, polite.port, verify())).toBe('pass');
    const rude = await endingBackend(response, { end: 'TCP' });
    expect(await probe(http, rude.port, verify())).toBe(
      'ProtocolError: connection broke before the answer was complete: NO_CLOSE_NOTIFY',
    );
  });

  it('speak gRPC over it', async () => {
    const { cert, key } = await serverOptions();
    const server = createSecureServer({ cert, key });
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const grpc: ProbeConfig = { type: 'GRPC', service: '' };
    expect(await probe(grpc, port, verify())).toBe('pass');
    expect(await probe(grpc, port, verify({ ca: clients.certificate }))).toMatch(/^TLSFailed: /);
    await new Promise((resolve) => server.close(resolve));
  });

  it('are shared by those that speak it alike, and by nobody else', async () => {
    const check = activeCheck({ probe: http });
    const owner = { pool: 'n/p', backend: 'v1' };
    const keyOf = (tls?: BackendTLS): string => probeSpec(check, owner, tls).key;
    expect(keyOf(verify())).toBe(keyOf(verify()));
    expect(new Set([keyOf(), keyOf(verify()), keyOf(verify({ serverName: 'x.example.com' }))]).size).toBe(3);
    const { chain, privateKey } = await clients.issue();
    expect(keyOf(verify({ clientCertificate: { chain, privateKey } }))).not.toContain('PRIVATE KEY');
  });
});
