import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { formatProxyHeader, parseProxyHeader } from '../../../proxy/listen/proxy-protocol.ts';
import { eventually } from '../../support/eventually.ts';
import { TcpBackend } from '../../support/tcp-backend.ts';
import { converse, dialTcp, readAll } from '../../support/tcp-client.ts';
import { endpointsAt, TcpPort, type TcpPortOptions } from '../../support/tcp-port.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

async function echoPort(options: TcpPortOptions): Promise<TcpPort> {
  const backend = await TcpBackend.echo();
  open.push(backend);
  const port = await TcpPort.listen(endpointsAt(backend.port), options);
  open.push(port);
  return port;
}

const REQUIRED: TcpPortOptions = {
  listener: { proxyProtocol: { mode: 'Required', trustedCIDRs: ['127.0.0.0/8'] } },
};
const OPTIONAL: TcpPortOptions = {
  listener: { proxyProtocol: { mode: 'Optional', trustedCIDRs: ['127.0.0.0/8'] } },
};
const UNTRUSTED: TcpPortOptions = {
  listener: { proxyProtocol: { mode: 'Optional', trustedCIDRs: ['192.0.2.0/24'] } },
};

const PARTIES = {
  source: { address: '203.0.113.9', port: 4_000 },
  destination: { address: '198.51.100.2', port: 443 },
};

/** Sends piece by piece, each in a packet of its own. */
async function sendPieces(socket: Socket, bytes: Buffer, size: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += size) {
    await new Promise((resolve) => socket.write(bytes.subarray(at, at + size), resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a TCP port that reads the PROXY protocol', () => {
  // G01
  it.each(['V1', 'V2'] as const)(
    'knows the client by its %s header and forwards only what follows',
    async (version) => {
      const port = await echoPort(REQUIRED);
      const header = formatProxyHeader(version, PARTIES);
      const { bytes } = await converse(port.port, Buffer.concat([header, Buffer.from('hello')]));
      expect(bytes.toString()).toBe('hello');
      await eventually('the session is over', () => port.worker.records.length === 1);
      expect(port.worker.records).toMatchObject([
        { clientAddress: '203.0.113.9', error: undefined, bytesIn: 5, bytesOut: 5 },
      ]);
    },
  );

  // G03
  it('reads a header that comes byte by byte', async () => {
    const port = await echoPort(REQUIRED);
    const client = dialTcp(port.port);
    const all = readAll(client);
    await once(client, 'connect');
    await sendPieces(client, formatProxyHeader('V2', PARTIES), 1);
    client.end('hello');
    expect((await all).bytes.toString()).toBe('hello');
    client.destroy();
  });

  it('asks the client’s address, not the peer’s, for access and routes', async () => {
    const port = await echoPort({
      listener: {
        ...REQUIRED.listener,
        accessRules: { allowCIDRs: [], denyCIDRs: ['203.0.113.0/24'] },
      },
    });
    expect((await converse(port.port, formatProxyHeader('V1', PARTIES))).error).toBe('ECONNRESET');
    await eventually('it is refused', () => port.worker.errors.includes('ACCESS_DENIED'));
    const local = await converse(
      port.port,
      Buffer.concat([formatProxyHeader('V2', undefined), Buffer.from('x')]),
    );
    expect(local.bytes.toString()).toBe('x');
  });

  // G04
  it.each([
    ['no header where one is required', REQUIRED, Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a broken header', OPTIONAL, Buffer.from('PROXY TCP4 1.2.3.4\r\n')],
    ['a header from a peer that is not trusted', UNTRUSTED, formatProxyHeader('V2', PARTIES)],
    ['half a header and an end', OPTIONAL, formatProxyHeader('V2', PARTIES).subarray(0, 20)],
  ])('closes on %s, and forwards nothing', async (_, options, bytes) => {
    const port = await echoPort(options);
    const got = await converse(port.port, bytes);
    expect(got.bytes).toHaveLength(0);
    await eventually('it is refused', () => port.worker.records.length === 1);
    expect(port.worker.errors[0]).toMatch(/^DOWNSTREAM/);
    expect(port.handler.connections).toBe(0);
    expect(port.worker.ctx.deadlines.size).toBe(0);
  });

  // G04
  it('closes at once on a peer that is not trusted where a header is required', async () => {
    const { listener } = UNTRUSTED;
    const port = await echoPort({
      listener: { ...listener, proxyProtocol: { ...listener!.proxyProtocol!, mode: 'Required' } },
    });
    expect((await readAll(dialTcp(port.port))).error).toBe('ECONNRESET');
  });

  // G03
  it('closes when the header is not complete in 3 s', async () => {
    const port = await echoPort(REQUIRED);
    const client = dialTcp(port.port);
    const started = performance.now();
    client.write(formatProxyHeader('V2', PARTIES).subarray(0, 20));
    expect((await readAll(client)).error).toBe('ECONNRESET');
    expect(performance.now() - started).toBeLessThan(4_000);
  });

  it.each([
    ['trusted', OPTIONAL],
    ['other', UNTRUSTED],
  ])('takes a connection of a %s peer without an optional header as it is', async (_, options) => {
    const port = await echoPort(options);
    expect((await converse(port.port, 'plain')).bytes.toString()).toBe('plain');
    await eventually('the session is over', () => port.worker.records.length === 1);
    expect(port.worker.records).toMatchObject([{ clientAddress: '127.0.0.1', bytesIn: 5 }]);
  });
});

describe('a pool that speaks the PROXY protocol to its backends', () => {
  // G14
  it.each(['V1', 'V2'] as const)('begins each connection with a %s header', async (backendProxyProtocol) => {
    const port = await echoPort({ config: { backendProxyProtocol } });
    const client = dialTcp(port.port);
    const all = readAll(client);
    await once(client, 'connect');
    const { localPort } = client;
    client.end('payload');
    const { bytes } = await all;
    client.destroy();
    const header = parseProxyHeader(bytes);
    expect(header).toMatchObject({
      kind: 'header',
      parties: {
        source: { address: '127.0.0.1', port: localPort },
        destination: { address: '127.0.0.1', port: port.port },
      },
    });
    expect(bytes.subarray((header as { length: number }).length).toString()).toBe('payload');
  });

  it('passes on whom the header it got names', async () => {
    const port = await echoPort({ ...REQUIRED, config: { backendProxyProtocol: 'V2' } });
    const { bytes } = await converse(
      port.port,
      Buffer.concat([formatProxyHeader('V1', PARTIES), Buffer.from('x')]),
    );
    expect(parseProxyHeader(bytes)).toMatchObject({ parties: PARTIES });
    expect(bytes.at(-1)).toBe('x'.charCodeAt(0));
  });

  it('sends the header before a client that says nothing', async () => {
    const port = await echoPort({ config: { backendProxyProtocol: 'V1' } });
    const client = dialTcp(port.port);
    const [first] = (await once(client, 'data')) as [Buffer];
    expect(first.toString()).toMatch(/^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n$/);
    client.destroy();
  });
});
