import { once } from 'node:events';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Listener } from '../../../api/snapshot.ts';
import { backend, backendRef, listener, poolConfig, route } from '../../support/builders.ts';
import { type IssuedPair, TestAuthority } from '../../support/certificates.ts';
import { clientHello } from '../../support/client-hello.ts';
import { eventually } from '../../support/eventually.ts';
import { TcpBackend } from '../../support/tcp-backend.ts';
import { dialTcp, readAll } from '../../support/tcp-client.ts';
import { endpointsAt, TcpPort } from '../../support/tcp-port.ts';
import { dialTls, handshakeError, terminate } from '../../support/tls.ts';

let authority: TestAuthority;
let pair: IssuedPair;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  authority = await TestAuthority.create();
  pair = await authority.issue({ names: ['a.example.com', 'b.example.com'] });
});

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

function keep<T extends { close(): Promise<void> }>(one: T): T {
  open.push(one);
  return one;
}

/** A backend that speaks TLS and says its name. */
async function tlsBackend(name: string): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<TLSSocket>();
  const server = createTlsServer({ cert: pair.chain, key: pair.privateKey }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.end(name);
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return keep({
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

function tlsListener(over: Partial<Listener>): Listener {
  return listener({ name: 'tls', protocol: 'TLS', tls: { mode: 'Passthrough' }, ...over });
}

/** A TLS port whose listeners each lead to a backend of their own name. */
async function portOf(
  listeners: readonly Listener[],
  ports: Readonly<Record<string, number>>,
): Promise<TcpPort> {
  const names = Object.keys(ports);
  const port = keep(
    await TcpPort.listen(endpointsAt(), {
      listener: listeners[0]!,
      config: {
        listeners,
        backends: names.map((name) => backend({ name })),
        defaultBackendRefs: [],
        routes: names.map((name) => route({ name, listeners: [name], backendRefs: [backendRef({ name })] })),
      },
    }),
  );
  port.pool.update({ endpoints: Object.fromEntries(names.map((name) => [name, endpointsAt(ports[name]!)])) });
  port.handler.update(port.view());
  return port;
}

async function saidBy(port: TcpPort, servername: string): Promise<string> {
  const socket = await dialTls(port.port, { servername, ca: authority.certificate });
  const { bytes } = await readAll(socket);
  return bytes.toString();
}

describe('TLS passthrough', () => {
  it('goes by the server name, exact before wildcard, to a backend that ends it', async () => {
    const [a, rest] = [await tlsBackend('a'), await tlsBackend('rest')];
    const port = await portOf(
      [
        tlsListener({ name: 'a', hostnames: ['a.example.com'] }),
        tlsListener({ name: 'rest', hostnames: ['*.example.com'] }),
      ],
      { a: a.port, rest: rest.port },
    );
    expect(await saidBy(port, 'a.example.com')).toBe('a');
    expect(await saidBy(port, 'b.example.com')).toBe('rest');
    await eventually('both are reported', () => port.worker.records.length === 2);
    expect(port.worker.records.map(({ serverName, tlsVersion }) => [serverName, tlsVersion])).toEqual([
      ['a.example.com', ''],
      ['b.example.com', ''],
    ]);
  });

  it('tells a client whose host nobody serves, before any backend hears of it', async () => {
    const a = await TcpBackend.echo();
    keep(a);
    const port = await portOf([tlsListener({ name: 'a', hostnames: ['a.example.com'] })], { a: a.port });
    expect(await handshakeError(port.port, { servername: 'other.example.org' })).toBe(
      'ERR_SSL_TLSV1_UNRECOGNIZED_NAME',
    );
    // Who names none could be sent anywhere.
    const nameless = dialTcp(port.port);
    nameless.write(clientHello());
    expect((await readAll(nameless)).bytes).toEqual(Buffer.from([21, 3, 3, 0, 2, 2, 112]));
    expect(a.accepted).toBe(0);
    expect(port.worker.records.map(({ error, reason }) => [error, reason])).toEqual([
      ['DOWNSTREAM_TLS', 'tls_unknown_name'],
      ['DOWNSTREAM_TLS', 'tls_unknown_name'],
    ]);
  });

  // CATALOGUE G15
  it.each([
    ['17 KiB in one piece', 17_408, 16_384, 1 << 20],
    ['3 records', 1_000, 500, 1 << 20],
    ['9 bytes at a time', 100, 16_384, 9],
    ['records of 3 bytes, a byte at a time', 0, 3, 1],
  ])('decides alike on a ClientHello of %s', async (_, padding, recordBytes, step) => {
    const got: Buffer[] = [];
    const a = keep(
      await TcpBackend.listen((socket) => socket.on('data', (bytes: Buffer) => got.push(bytes))),
    );
    const other = keep(await TcpBackend.echo());
    const port = await portOf(
      [
        tlsListener({ name: 'other', hostnames: ['*.example.com'] }),
        tlsListener({ name: 'a', hostnames: ['a.example.com'] }),
      ],
      { a: a.port, other: other.port },
    );
    const hello = clientHello({ serverName: 'a.example.com', padding, recordBytes });
    const client = dialTcp(port.port);
    for (let at = 0; at < hello.length; at += step) {
      client.write(hello.subarray(at, at + step));
      if (step < hello.length) await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually('the backend has it as it was sent', () => Buffer.concat(got).length === hello.length);
    expect(Buffer.concat(got)).toEqual(hello);
    expect(other.accepted).toBe(0);
    client.destroy();
  });

  // CATALOGUE F11
  it('ends what does not become a ClientHello', async () => {
    const a = keep(await TcpBackend.echo());
    const port = await portOf(
      [tlsListener({ name: 'a', timeouts: { ...listener().timeouts, tlsHandshakeMs: 200 } })],
      { a: a.port },
    );
    const hello = clientHello({ serverName: 'a.example.com' });
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), hello.subarray(0, 20), Buffer.alloc(0)]) {
      const client = dialTcp(port.port);
      client.write(bytes);
      await readAll(client);
    }
    const left = dialTcp(port.port);
    left.end(hello.subarray(0, 20));
    await readAll(left);
    expect(port.worker.records.map(({ reason }) => reason)).toEqual([
      'tls_not_tls',
      'tls_timeout',
      'tls_timeout',
      'tls_closed',
    ]);
    expect(a.accepted).toBe(0);
    expect(port.handler.connections).toBe(0);
  });
});

/** Stands in front of a port, and keeps what a client says after its ClientHello until it is released. */
async function relayThatWaits(
  port: number,
): Promise<{ readonly port: number; readonly begun: Promise<unknown>; readonly release: () => void }> {
  const opened = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const behind = dialTcp(port);
    for (const socket of [client, behind]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    behind.once('data', () => begun.resolve()).pipe(client);
    client.once('data', (hello: Buffer) => {
      client.pause();
      behind.write(hello);
      void opened.promise.then(() => client.pipe(behind));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  keep({
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return {
    port: (server.address() as AddressInfo).port,
    begun: begun.promise,
    release: () => opened.resolve(),
  };
}

describe('TLS that ends in front of a byte stream', () => {
  async function echoPort(over: Partial<Listener> = {}): Promise<{ port: TcpPort; backend: TcpBackend }> {
    const echo = keep(await TcpBackend.echo());
    const tls = await terminate(authority, [{ names: ['shop.example.com'] }]);
    const port = await portOf([tlsListener({ name: 'tls', tls, ...over })], { tls: echo.port });
    return { port, backend: echo };
  }

  it('hands the backend what the client said, and the client what it answers, to the last byte', async () => {
    const { port } = await echoPort();
    const client = await dialTls(port.port, { ca: authority.certificate });
    const sent = Buffer.alloc(3_000_000, 'evenkeel ');
    const all = readAll(client);
    client.end(sent);
    const { bytes, error } = await all;
    expect(error).toBeUndefined();
    expect(bytes.equals(sent)).toBe(true);
    await eventually('it is reported', () => port.worker.records.length === 1);
    expect(port.worker.records[0]).toMatchObject({
      error: undefined,
      bytesIn: sent.length,
      bytesOut: sent.length,
      tlsVersion: 'TLSv1.3',
      serverName: 'shop.example.com',
    });
  });

  it('stops reading a backend whose client does not read', async () => {
    let sent = 0;
    const chatty = keep(
      await TcpBackend.listen((socket) => {
        const more = (): void => {
          while (sent < 400_000_000) {
            sent += 65_536;
            if (!socket.write(Buffer.alloc(65_536))) break;
          }
        };
        socket.on('drain', more);
        more();
      }),
    );
    const tls = await terminate(authority);
    const port = await portOf([tlsListener({ name: 'tls', tls })], { tls: chatty.port });
    const client = await dialTls(port.port, { ca: authority.certificate });
    client.pause();
    let before = -1;
    await eventually('nothing more is taken', async () => {
      const isStill = sent === before;
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return isStill && sent > 0;
    });
    expect(sent).toBeLessThan(100_000_000);
    client.destroy();
  });

  it('passes a reset on as a reset, and an end as an end', async () => {
    const rude = keep(
      await TcpBackend.listen((socket) => socket.once('data', () => socket.resetAndDestroy())),
    );
    const tls = await terminate(authority);
    const port = await portOf([tlsListener({ name: 'tls', tls })], { tls: rude.port });
    const client = await dialTls(port.port, { ca: authority.certificate });
    const all = readAll(client);
    client.write('x');
    expect((await all).error).toBe('ECONNRESET');
    expect(port.inFlight).toBe(0);
  });

  it('goes by what holds when the handshake is over', async () => {
    const { port, backend: echo } = await echoPort();
    const { port: relay, begun, release } = await relayThatWaits(port.port);
    const client = dialTls(relay, { ca: authority.certificate }).then((socket) => readAll(socket));
    await begun;
    const clientValidation = { mode: 'Required', ca: authority.certificate } as const;
    const tls = await terminate(authority, [{}], { clientValidation });
    port.pool.update({
      config: poolConfig({ ...port.pool.config, listeners: [tlsListener({ name: 'tls', tls })] }),
    });
    port.handler.update(port.view());
    release();
    await eventually('it is refused', () => port.worker.records.length === 1);
    expect(port.worker.records[0]?.reason).toBe('tls_client_certificate');
    await client.catch(() => undefined);
    expect(echo.accepted).toBe(0);
  });

  it('keeps what is open when the certificate changes, and shows the new one to who comes', async () => {
    const { port, backend: echo } = await echoPort();
    const before = await dialTls(port.port, { ca: authority.certificate });
    const tls = await terminate(authority, [{ names: ['shop.example.com'] }]);
    port.pool.update({
      config: poolConfig({ ...port.pool.config, listeners: [tlsListener({ name: 'tls', tls })] }),
    });
    port.handler.update(port.view());
    const after = await dialTls(port.port, { ca: authority.certificate });
    const serial = (socket: TLSSocket): string | undefined => socket.getPeerX509Certificate()?.serialNumber;
    expect(serial(after)).not.toBe(serial(before));
    for (const client of [before, after]) {
      client.write('hello');
      expect(String((await once(client, 'data'))[0])).toBe('hello');
      client.destroy();
    }
    expect(echo.accepted).toBe(2);
  });
});
