import { once } from 'node:events';
import { randomBytes, X509Certificate } from 'node:crypto';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Listener, ListenerTLS, PoolConfig } from '../../../api/snapshot.ts';
import { listener } from '../../support/builders.ts';
import { TestAuthority } from '../../support/certificates.ts';
import { clientHello } from '../../support/client-hello.ts';
import { eventually } from '../../support/eventually.ts';
import { ok, ScriptedBackend } from '../../support/http/backend.ts';
import { RawClient } from '../../support/http/client.ts';
import { HttpProxy } from '../../support/http/proxy.ts';
import { httpScope } from '../../support/http/scope.ts';
import { readAll } from '../../support/tcp-client.ts';
import { dialTls, handshakeError, terminate } from '../../support/tls.ts';

const NOTHING = Buffer.alloc(0);
const { keep } = httpScope();

let authority: TestAuthority;

beforeAll(async () => {
  authority = await TestAuthority.create();
});

function https(over: Partial<Listener> & { readonly tls: ListenerTLS }): Listener {
  return listener({ protocol: 'HTTPS', ...over });
}

async function start(
  listeners: readonly Listener[],
  options: { backend?: ScriptedBackend; config?: Partial<PoolConfig> } = {},
): Promise<{ proxy: HttpProxy; backend: ScriptedBackend }> {
  const { config } = options;
  const behind = options.backend ?? keep(await ScriptedBackend.start());
  const proxy = keep(await HttpProxy.start({ ports: [behind.port], config: { listeners, ...config } }));
  return { proxy, backend: behind };
}

function dial(proxy: HttpProxy, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return dialTls(proxy.port, { ca: authority.certificate, ...options });
}

async function get(
  proxy: HttpProxy,
  { host = 'shop.example.com', headers = '', ...options }: ConnectionOptions & { headers?: string } = {},
): ReturnType<RawClient['response']> {
  const client = RawClient.on(await dial(proxy, options));
  const response = await client.request(`GET / HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`);
  client.close();
  return response;
}

function countOf(proxy: HttpProxy, name: string): Record<string, number> {
  const metric = proxy.metrics.find((each) => each.name === name);
  return Object.fromEntries(
    (metric?.values ?? []).map(({ labels, value }) => [Object.values(labels).join(' '), value]),
  );
}

describe('HTTPS', () => {
  it('serves requests over TLS, and says so to backends, in the log and in the metrics', async () => {
    const { proxy, backend } = await start([https({ tls: await terminate(authority) })]);
    const client = RawClient.on(await dial(proxy));
    expect((await client.request('GET /a HTTP/1.1\r\nHost: shop.example.com\r\n\r\n')).status).toBe(200);
    const second = await client.request(
      'POST /b HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: 5\r\n\r\nhello',
    );
    expect(second.status).toBe(200);
    client.close();
    await proxy.settled();
    expect(backend.requests.map(({ body }) => body)).toEqual(['', 'hello']);
    expect(backend.requests[0]?.header('x-forwarded-proto')).toBe('https');
    expect(backend.requests[0]?.header('forwarded')).toContain('proto=https');
    expect(proxy.records[0]).toMatchObject({ tlsVersion: 'TLSv1.3', serverName: 'shop.example.com' });
    expect(countOf(proxy, 'evenkeel_tls_handshakes_total')).toEqual({ 'TLSv1.3 false': 1 });
  });

  it('sends large bodies both ways, whole, to a client that reads slowly', async () => {
    const large = 'evenkeel'.repeat(1_000_000);
    const backend = keep(
      await ScriptedBackend.start(({ socket, request }) =>
        socket.write(ok(`${request.body.length} ${large}`)),
      ),
    );
    const { proxy } = await start([https({ tls: await terminate(authority) })], { backend });
    const socket = await dial(proxy);
    const client = RawClient.on(socket);
    client.send(
      `POST / HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: ${large.length}\r\n\r\n${large}`,
    );
    socket.pause();
    const timer = setInterval(() => socket.resume(), 5);
    const { body } = await client.response('POST');
    clearInterval(timer);
    expect(body === `${large.length} ${large}`).toBe(true);
    client.close();
    await proxy.emptied();
  });

  it('sends every byte as it was, whatever the sizes of its pieces and however slowly they are read', async () => {
    // No two places alike: a buffer that is used again too early shows.
    const content = randomBytes(24_000_000);
    const sizes = [100, 700, 5_000, 30_000, 33_000, 65_536, 200_000];
    const behind = keep(
      await ScriptedBackend.start({
        script: ({ socket }) => {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`);
          let at = 0;
          for (let i = 0; at < content.length; i++) {
            const size = sizes[i % sizes.length]!;
            socket.write(content.subarray(at, at + size));
            at += size;
          }
        },
      }),
    );
    const { proxy } = await start([https({ tls: await terminate(authority) })], { backend: behind });
    const clients = await Promise.all([dial(proxy), dial(proxy), dial(proxy)]);
    const bodies = clients.map(async (socket, i) => {
      const all = readAll(socket);
      socket.write('GET / HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n');
      // One reads at once; for the others more waits than the kernel holds.
      socket.pause();
      setTimeout(() => socket.resume(), i * 400);
      const { bytes } = await all;
      return bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
    });
    for (const body of bodies) expect((await body).equals(content)).toBe(true);
  });

  it('says goodbye when it closes, so that the client knows that it has everything', async () => {
    const { proxy } = await start([https({ tls: await terminate(authority) })]);
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await dial(proxy, { maxVersion });
      const all = readAll(socket);
      socket.write('GET / HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n');
      const { bytes, error } = await all;
      expect([String(bytes).slice(0, 12), error]).toEqual(['HTTP/1.1 200', undefined]);
    }
    await proxy.emptied();
  });

  it('breaks off a response that cannot be completed with a reset', async () => {
    const backend = keep(
      await ScriptedBackend.start(({ socket }) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => socket.resetAndDestroy());
      }),
    );
    const { proxy } = await start([https({ tls: await terminate(authority) })], { backend });
    const socket = await dial(proxy);
    const all = readAll(socket);
    socket.write('GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n');
    expect((await all).error).toBe('ECONNRESET');
    await proxy.emptied();
  });

  it('reads the PROXY protocol in front of TLS', async () => {
    const tls = await terminate(authority);
    const { proxy, backend } = await start([
      https({ tls, proxyProtocol: { mode: 'Required', trustedCIDRs: ['127.0.0.0/8'] } }),
    ]);
    const raw = connect(proxy.port, '127.0.0.1');
    raw.write('PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\r\n');
    const client = RawClient.on(await dial(proxy, { socket: raw }));
    await client.request('GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n');
    client.close();
    expect(backend.requests[0]?.header('x-forwarded-for')).toBe('203.0.113.7');
  });
});

describe('the certificate that a client gets', () => {
  it('is for a name in any case, with a dot at its end or without', async () => {
    const tls = await terminate(authority);
    const { proxy } = await start([https({ tls, hostnames: ['shop.example.com'] })]);
    for (const name of ['SHOP.example.com', 'shop.example.com.']) {
      const options = { servername: name, host: name, checkServerIdentity: () => undefined };
      expect((await get(proxy, options)).status).toBe(200);
    }
  });

  const nameOf = async (proxy: HttpProxy, options: ConnectionOptions): Promise<string> => {
    const socket = await dial(proxy, { rejectUnauthorized: false, ...options });
    const { subject, publicKey } = socket.getPeerX509Certificate()!;
    socket.destroy();
    return `${subject} ${publicKey.asymmetricKeyType}`;
  };

  it('is the one for its name, exact before wildcard, and the first when none is', async () => {
    const tls = await terminate(authority, [
      { names: ['first.example.com'] },
      { names: ['*.example.com'] },
      { names: ['shop.example.com'] },
    ]);
    const { proxy } = await start([https({ tls })]);
    expect(await nameOf(proxy, { servername: 'shop.example.com' })).toBe('CN=shop.example.com ec');
    expect(await nameOf(proxy, { servername: 'SHOP.example.com' })).toBe('CN=shop.example.com ec');
    expect(await nameOf(proxy, { servername: 'api.example.com' })).toBe('CN=*.example.com ec');
    expect(await nameOf(proxy, { servername: 'a.b.example.com' })).toBe('CN=first.example.com ec');
    expect(await nameOf(proxy, { servername: '' })).toBe('CN=first.example.com ec');
  });

  it('has the kind of key that it can use, ECDSA where it can use both', async () => {
    const tls = await terminate(authority, [{ keyType: 'RSA' }, { keyType: 'ECDSA' }]);
    const { proxy } = await start([https({ tls })]);
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      expect(await nameOf(proxy, { maxVersion })).toMatch(/ ec$/);
      expect(await nameOf(proxy, { maxVersion, sigalgs: 'rsa_pss_rsae_sha256' })).toMatch(/ rsa$/);
    }
    expect(await nameOf(proxy, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' })).toMatch(
      / rsa$/,
    );
  });

  it('is the one of the listener that its name belongs to', async () => {
    const { proxy } = await start([
      https({
        name: 'shop',
        hostnames: ['shop.example.com'],
        tls: await terminate(authority, [{ names: ['shop.example.com'] }]),
      }),
      https({
        name: 'all',
        hostnames: ['*.example.com'],
        tls: await terminate(authority, [{ names: ['*.example.com'] }]),
      }),
    ]);
    expect(await nameOf(proxy, { servername: 'shop.example.com' })).toBe('CN=shop.example.com ec');
    expect(await nameOf(proxy, { servername: 'a.b.example.com' })).toBe('CN=*.example.com ec');
    expect(await handshakeError(proxy.port, { servername: 'example.org' })).toBe(
      'ERR_SSL_TLSV1_UNRECOGNIZED_NAME',
    );
  });
});

describe('the terms of TLS', () => {
  const rows: readonly (readonly [string, Parameters<typeof terminate>[2], ConnectionOptions, string])[] = [
    [
      'TLS 1.1',
      {},
      { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' },
      'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    ],
    [
      'TLS 1.2 where 1.3 is the least',
      { minVersion: '1.3' },
      { maxVersion: 'TLSv1.2' },
      'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    ],
    [
      'a CBC suite',
      {},
      { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' },
      'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
    ],
    [
      'no forward secrecy',
      { cipherPolicy: 'Compatible' },
      { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' },
      'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
    ],
    ['a curve that is not offered', {}, { ecdhCurve: 'P-521' }, 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE'],
    [
      'another protocol than is spoken',
      {},
      { ALPNProtocols: ['smtp'] },
      'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    ],
  ];
  it.each(rows)('refuse %s', async (_, over, options, code) => {
    const { proxy } = await start([https({ tls: await terminate(authority, [{}], over) })]);
    expect(await handshakeError(proxy.port, { ca: authority.certificate, ...options })).toBe(code);
    await eventually(
      'it is counted',
      () => countOf(proxy, 'evenkeel_tls_handshake_failures_total')['no_common_terms'] === 1,
    );
    await proxy.emptied();
  });

  it.each([
    ['TLS 1.2', {}, { maxVersion: 'TLSv1.2' }],
    [
      'a CBC suite where that is allowed',
      { cipherPolicy: 'Compatible' },
      { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' },
    ],
    ['post-quantum key exchange', {}, { ecdhCurve: 'X25519MLKEM768' }],
    ['ALPN', {}, { ALPNProtocols: ['http/1.1', 'smtp'] }],
  ] as const)('allow %s', async (_, over, options) => {
    const { proxy } = await start([https({ tls: await terminate(authority, [{}], over) })]);
    expect(
      (
        await get(proxy, {
          ...options,
          ...('ALPNProtocols' in options ? { ALPNProtocols: [...options.ALPNProtocols] } : {}),
        })
      ).status,
    ).toBe(200);
  });

  it('let a client that renegotiates go no further', async () => {
    const { proxy } = await start([https({ tls: await terminate(authority) })]);
    const socket = await dial(proxy, { maxVersion: 'TLSv1.2' });
    const error = await new Promise<Error | null>((resolve) => {
      socket.renegotiate({}, resolve);
      socket.on('error', resolve);
    });
    expect(error).toBeInstanceOf(Error);
    socket.destroy();
  });
});

// CATALOGUE F11
describe('a handshake that does not come about', () => {
  it('ends in time, and is told by its reason', async () => {
    const tls = await terminate(authority);
    const timeouts = { ...listener().timeouts, tlsHandshakeMs: 200 };
    const { proxy } = await start([https({ tls, timeouts, hostnames: ['shop.example.com'] })]);
    const said: readonly (readonly [Buffer, string])[] = [
      [Buffer.alloc(0), 'timeout'],
      [clientHello({ serverName: 'shop.example.com' }).subarray(0, 50), 'timeout'],
      [Buffer.from('GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n'), 'not_tls'],
      [Buffer.from('SSH-2.0-OpenSSH_9.9\r\n'), 'not_tls'],
      [clientHello({ serverName: 'a'.repeat(65_000) }), 'bad_hello'],
      [clientHello({ serverName: 'other.example.com' }), 'unknown_name'],
    ];
    // RFC 8446 section 6: decode_error, unrecognized_name.
    const alerts: Readonly<Record<string, Buffer>> = {
      bad_hello: Buffer.from([21, 3, 3, 0, 2, 2, 50]),
      unknown_name: Buffer.from([21, 3, 3, 0, 2, 2, 112]),
    };
    for (const [bytes, reason] of said) {
      const socket = connect(proxy.port, '127.0.0.1');
      const all = readAll(socket);
      socket.write(bytes);
      expect((await all).bytes).toEqual(alerts[reason] ?? NOTHING);
      expect(proxy.records.at(-1)).toMatchObject({ error: 'DOWNSTREAM_TLS', reason: `tls_${reason}` });
    }
    // A ClientHello that is good, and then nothing: the handshake has begun.
    const hello = await recordedHello();
    const stalled = connect(proxy.port, '127.0.0.1');
    stalled.write(hello);
    await new Promise((resolve) => stalled.on('close', resolve).resume());
    expect(proxy.records.at(-1)?.reason).toBe('tls_timeout');
    await proxy.emptied();
  });

  it('is over when its client leaves in the middle of it', async () => {
    const { proxy } = await start([https({ tls: await terminate(authority) })]);
    const socket = connect(proxy.port, '127.0.0.1');
    const all = readAll(socket);
    socket.end(await recordedHello());
    expect((await all).error).toBeUndefined();
    expect(proxy.records.map(({ reason }) => reason)).toEqual(['tls_closed']);
    await proxy.emptied();
  });

  it('is refused where there is no certificate', async () => {
    const tls = await terminate(authority, []);
    const { proxy } = await start([https({ tls })]);
    expect(await handshakeError(proxy.port)).toBe('ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR');
    expect(countOf(proxy, 'evenkeel_tls_handshake_failures_total')).toEqual({ no_certificate: 1 });
  });

  it('takes nobody with it when certificates are none', async () => {
    const good = await terminate(authority);
    const broken = { ...good, certificates: good.certificates.map((each) => ({ ...each, privateKey: 'x' })) };
    const { proxy } = await start([
      https({ name: 'broken', hostnames: ['broken.example.com'], tls: broken }),
      https({ name: 'good', hostnames: ['shop.example.com'], tls: good }),
    ]);
    expect(await handshakeError(proxy.port, { servername: 'broken.example.com' })).toBe(
      'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR',
    );
    expect((await get(proxy)).status).toBe(200);
  });
});

// CATALOGUE B04
describe('a request for another host than its connection’s', () => {
  it('is misdirected where the host belongs to another listener, or to none', async () => {
    const { proxy, backend } = await start([
      https({
        name: 'shop',
        hostnames: ['shop.example.com', 'www.example.com'],
        tls: await terminate(authority),
      }),
      https({
        name: 'admin',
        hostnames: ['admin.example.com'],
        tls: await terminate(authority, [{ names: ['admin.example.com'] }]),
      }),
    ]);
    const client = RawClient.on(await dial(proxy));
    const ask = async (host: string): Promise<number> =>
      (await client.request(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).status;
    expect(await ask('shop.example.com')).toBe(200);
    expect(await ask('admin.example.com')).toBe(421);
    expect(await ask('SHOP.example.com:443')).toBe(200);
    expect(await ask('www.example.com')).toBe(200);
    expect(await ask('example.org')).toBe(421);
    client.close();
    await proxy.settled();
    expect(backend.requests).toHaveLength(3);
    expect(proxy.records[1]).toMatchObject({ status: 421, error: 'DOWNSTREAM_MISDIRECTED' });
  });

  it('is served where one listener is for every host', async () => {
    const { proxy } = await start([https({ tls: await terminate(authority) })]);
    expect((await get(proxy, { host: 'example.org' })).status).toBe(200);
    expect((await get(proxy, { servername: '', rejectUnauthorized: false })).status).toBe(200);
  });
});

describe('client certificates', () => {
  const certificateOf = async (name: string, from = authority) => {
    const { chain, privateKey } = await from.issue({ names: [name] });
    return { cert: chain, key: privateKey };
  };

  const validated = async (mode: 'Required' | 'Optional') =>
    https({
      tls: await terminate(authority, [{}], { clientValidation: { mode, ca: authority.certificate } }),
    });

  it('are told to backends, as RFC 9440 has it, and what a client claims is not', async () => {
    const { proxy, backend } = await start([await validated('Required')]);
    const identity = await certificateOf('client-1');
    const headers = 'Client-Cert: :Zm9yZ2Vk:\r\nclient-cert-chain: :Zm9yZ2Vk:\r\nClient_Cert: x\r\n';
    expect((await get(proxy, { ...identity, headers })).status).toBe(200);
    const raw = new X509Certificate(identity.cert).raw.toString('base64');
    expect(backend.requests[0]?.head.match(/^client[-_]cert.*$/gim)).toEqual([`Client-Cert: :${raw}:`]);
  });

  it('that are claimed in clear are nobody’s', async () => {
    const backend = keep(await ScriptedBackend.start());
    const proxy = keep(await HttpProxy.start({ ports: [backend.port] }));
    await proxy.get('/', 'Client-Cert: :Zm9yZ2Vk:\r\nClient-Cert-Chain: :Zm9yZ2Vk:\r\n');
    expect(backend.requests[0]?.head).not.toMatch(/client-cert/i);
  });

  it('are required where the listener says so', async () => {
    const { proxy, backend } = await start([await validated('Required')]);
    const stranger = await TestAuthority.create('stranger');
    const expired = await authority.issue({ names: ['late'], notAfter: Date.now() - 1_000 });
    for (const identity of [
      {},
      await certificateOf('mallory', stranger),
      { cert: expired.chain, key: expired.privateKey },
    ]) {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        // In TLS 1.3 the client believes in the handshake until it hears otherwise.
        const outcome = await get(proxy, { ...identity, maxVersion }).catch(() => 'refused');
        expect(outcome).toBe('refused');
      }
    }
    expect(backend.requests).toEqual([]);
    await eventually(
      'all are counted',
      () => countOf(proxy, 'evenkeel_tls_handshake_failures_total')['client_certificate'] === 6,
    );
    await proxy.emptied();
  });

  it('are welcome where they are optional, if they are valid', async () => {
    const { proxy, backend } = await start([await validated('Optional')]);
    expect((await get(proxy)).status).toBe(200);
    expect((await get(proxy, await certificateOf('client-1'))).status).toBe(200);
    const stranger = await TestAuthority.create('stranger');
    await expect(get(proxy, await certificateOf('mallory', stranger))).rejects.toThrow(/ended|reset|closed/i);
    expect(backend.requests.map(({ head }) => /client-cert/i.test(head))).toEqual([false, true]);
  });

  it('may come from an authority below the one that is trusted, and the trusted one may be below another', async () => {
    const below = await authority.subordinate();
    const leaf = await certificateOf('client-1', below);
    const chain = { ...leaf, cert: leaf.cert + below.certificate };
    const trusting = async (ca: TestAuthority) =>
      start([
        https({
          tls: await terminate(authority, [{}], {
            clientValidation: { mode: 'Required', ca: ca.certificate },
          }),
        }),
      ]);
    const { proxy: trustsRoot } = await trusting(authority);
    expect((await get(trustsRoot, chain)).status).toBe(200);
    await expect(get(trustsRoot, leaf)).rejects.toThrow(/ended|reset|closed/i);
    const { proxy: trustsBelow } = await trusting(below);
    expect((await get(trustsBelow, leaf)).status).toBe(200);
    await expect(get(trustsBelow, await certificateOf('mallory'))).rejects.toThrow(/ended|reset|closed/i);
  });

  it('of one listener open no way into another', async () => {
    const { proxy, backend } = await start([
      https({ name: 'open', hostnames: ['shop.example.com'], tls: await terminate(authority) }),
      { ...(await validated('Required')), name: 'closed', hostnames: ['admin.example.com'] },
    ]);
    const open = RawClient.on(await dial(proxy));
    expect((await open.request('GET / HTTP/1.1\r\nHost: admin.example.com\r\n\r\n')).status).toBe(421);
    open.close();
    // Nor does a session: that of one listener is none of the other's.
    const session = await sessionOf(await dial(proxy, { maxVersion: 'TLSv1.2' }));
    const resumed = get(proxy, {
      servername: 'admin.example.com',
      host: 'admin.example.com',
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.2',
      session,
    });
    await expect(resumed).rejects.toThrow(/ended|reset|closed|alert/i);
    expect(backend.requests).toEqual([]);
  });

  // B04
  it('are asked of connections that are open already, once their listener requires them', async () => {
    const { proxy, backend } = await start([https({ name: 'web', tls: await terminate(authority) })]);
    const stranger = RawClient.on(await dial(proxy));
    const request = 'GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n';
    expect((await stranger.request(request)).status).toBe(200);
    const ports = [backend.port];
    proxy.update({ ports, config: { listeners: [{ ...(await validated('Required')), name: 'web' }] } });
    expect((await stranger.request(request)).status).toBe(421);
    const known = RawClient.on(await dial(proxy, await certificateOf('client-1')));
    expect((await known.request(request)).status).toBe(200);
    // A certificate that changes makes no stranger of anybody.
    proxy.update({ ports, config: { listeners: [{ ...(await validated('Required')), name: 'web' }] } });
    expect((await known.request(request)).status).toBe(200);
    for (const client of [stranger, known]) client.close();
  });

  // B04
  it('are asked of connections that are open already, once their host belongs to a listener that requires them', async () => {
    const wide = https({ name: 'wide', hostnames: ['*.example.com'], tls: await terminate(authority) });
    const { proxy, backend } = await start([wide]);
    const client = RawClient.on(await dial(proxy));
    const request = 'GET / HTTP/1.1\r\nHost: admin.example.com\r\n\r\n';
    expect((await client.request(request)).status).toBe(200);
    const admin = { ...(await validated('Required')), name: 'admin', hostnames: ['admin.example.com'] };
    proxy.update({ ports: [backend.port], config: { listeners: [wide, admin] } });
    expect((await client.request(request)).status).toBe(421);
    client.close();
  });

  it('are still known when their session is resumed', async () => {
    const { proxy, backend } = await start([await validated('Required')]);
    const identity = await certificateOf('client-1');
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const session = await sessionOf(await dial(proxy, { ...identity, maxVersion }));
      const socket = await dial(proxy, { ...identity, maxVersion, session });
      expect(socket.isSessionReused()).toBe(true);
      const client = RawClient.on(socket);
      await client.request('GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n');
      client.close();
      expect(backend.requests.at(-1)?.head).toMatch(/^Client-Cert: :/m);
    }
  });
});

describe('sessions', () => {
  it('are resumed on any proxy that has the listener’s ticket secret, until that is another', async () => {
    const tls = await terminate(authority, [{}], { ticketSecret: Buffer.alloc(32, 1).toString('base64') });
    const backend = keep(await ScriptedBackend.start());
    const [{ proxy: one }, { proxy: two }] = [
      await start([https({ tls })], { backend }),
      await start([https({ tls })], { backend }),
    ];
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const session = await sessionOf(await dial(one, { maxVersion }));
      const elsewhere = await dial(two, { maxVersion, session });
      expect(elsewhere.isSessionReused()).toBe(true);
      elsewhere.destroy();
    }
    const session = await sessionOf(await dial(one));
    const rotated = { ...tls, ticketSecret: Buffer.alloc(32, 2).toString('base64') };
    two.update({ ports: [backend.port], config: { listeners: [https({ tls: rotated })] } });
    const after = await dial(two, { session });
    expect(after.isSessionReused()).toBe(false);
    const again = await dial(two, { session: await sessionOf(after) });
    expect(again.isSessionReused()).toBe(true);
    again.destroy();
  });
});

/** A ticket that the server gave out; in TLS 1.3 that comes after the handshake. */
async function sessionOf(socket: TLSSocket): Promise<Buffer> {
  const known = socket.getProtocol() === 'TLSv1.2' ? socket.getSession() : undefined;
  const session = known ?? ((await once(socket, 'session')) as [Buffer])[0];
  socket.destroy();
  return session;
}

/** What a real client begins with. */
async function recordedHello(): Promise<Buffer> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const got = once(server, 'connection').then(async ([socket]) => {
    const [bytes] = (await once(socket as NodeJS.ReadableStream, 'data')) as [Buffer];
    (socket as { destroy(): void }).destroy();
    return bytes;
  });
  dialTls(port).catch(() => {});
  const hello = await got;
  server.close();
  return hello;
}

describe('HTTP/2 by ALPN', () => {
  interface Answer {
    readonly status: number;
    readonly body: string;
  }

  function ask(session: ClientHttp2Session, headers: Record<string, string>, body = ''): Promise<Answer> {
    const stream = session.request({ ':method': body === '' ? 'GET' : 'POST', ...headers });
    if (body !== '') stream.end(body);
    return new Promise((resolve, reject) => {
      let status = 0;
      let text = '';
      stream.on('response', (fields) => (status = fields[':status'] ?? 0));
      stream.on('data', (bytes: Buffer) => (text += String(bytes)));
      stream.on('end', () => resolve({ status, body: text }));
      stream.on('error', reject);
    });
  }

  const open = async (proxy: HttpProxy, options: ConnectionOptions = {}): Promise<ClientHttp2Session> => {
    const socket = await dial(proxy, { ALPNProtocols: ['h2', 'http/1.1'], ...options });
    expect(socket.alpnProtocol).toBe('h2');
    return connectHttp2('https://shop.example.com', { createConnection: () => socket });
  };

  it('is spoken where the client can, with what TLS has settled', async () => {
    const large = 'x'.repeat(1_000_000);
    const backend = keep(
      await ScriptedBackend.start(({ socket, request }) =>
        socket.write(ok(`${request.body.length} ${large}`)),
      ),
    );
    const clientValidation = { mode: 'Required', ca: authority.certificate } as const;
    const { proxy } = await start(
      [
        https({
          name: 'shop',
          hostnames: ['shop.example.com'],
          tls: await terminate(authority, [{}], { clientValidation }),
        }),
        https({ name: 'admin', hostnames: ['admin.example.com'], tls: await terminate(authority) }),
      ],
      { backend },
    );
    const { chain, privateKey } = await authority.issue({ names: ['client-1'] });
    const session = await open(proxy, { cert: chain, key: privateKey });
    expect(await ask(session, { ':path': '/', 'client-cert': ':Zm9yZ2Vk:' })).toEqual({
      status: 200,
      body: `0 ${large}`,
    });
    expect((await ask(session, { ':path': '/' }, large)).body.length).toBe(8 + large.length);
    // CATALOGUE B04
    expect((await ask(session, { ':path': '/', ':authority': 'admin.example.com' })).status).toBe(421);
    session.close();
    await proxy.settled();
    const raw = new X509Certificate(chain).raw.toString('base64');
    expect(backend.requests[0]?.head.match(/^client-cert.*$/gim)).toEqual([`Client-Cert: :${raw}:`]);
    expect(backend.requests[0]?.header('x-forwarded-proto')).toBe('https');
    expect(proxy.records[0]).toMatchObject({ tlsVersion: 'TLSv1.3', serverName: 'shop.example.com' });
  });

  it('is not spoken where the client would rather not', async () => {
    const { proxy } = await start([https({ tls: await terminate(authority) })]);
    const socket = await dial(proxy, { ALPNProtocols: ['http/1.1'] });
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });

  // A32
  it.each<[string, ConnectionOptions]>([
    ['HTTP/1.1', { ALPNProtocols: ['http/1.1'] }],
    ['nothing', {}],
  ])('is not spoken unasked, where ALPN has settled %s', async (_, options) => {
    const { proxy, backend } = await start([https({ tls: await terminate(authority) })]);
    const socket = await dial(proxy, options);
    const client = RawClient.on(socket);
    expect(await client.request('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toMatchObject({ status: 400 });
    expect(await client.closed()).toBe('fin');
    expect(backend.requests).toEqual([]);
  });
});
