import { createServer as createTlsServer } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ListenerTLS } from '../../../api/snapshot.ts';
import { parseProxyHeader } from '../../../proxy/listen/proxy-protocol.ts';
import { backend, listener } from '../../support/builders.ts';
import { TestAuthority } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { ScriptedBackend } from '../../support/http/backend.ts';
import { RawClient } from '../../support/http/client.ts';
import { HttpProxy } from '../../support/http/proxy.ts';
import { httpScope } from '../../support/http/scope.ts';
import { headerWithFields, NAMED_CLIENT, prepending } from '../../support/proxy-header.ts';
import { TcpBackend } from '../../support/tcp-backend.ts';
import { dialTcp, readAll } from '../../support/tcp-client.ts';
import { endpointsAt, TcpPort } from '../../support/tcp-port.ts';
import { dialTls, handshakeError, terminate } from '../../support/tls.ts';

const { keep } = httpScope();
const NAME = 'shop.example.com';
const proxyProtocol = { mode: 'Required', trustedCIDRs: ['127.0.0.0/8'] } as const;
let authority: TestAuthority;
let ending: ListenerTLS;

beforeAll(async () => {
  authority = await TestAuthority.create();
  ending = await terminate(authority);
});

/** A TLS server that says its name to who has said something. */
async function secureBackend(): Promise<TcpBackend> {
  const { chain, privateKey } = await authority.issue({ names: [NAME] });
  const inner = createTlsServer({ cert: chain, key: privateKey }, (socket) => {
    socket.once('data', () => socket.end('secured'));
    socket.on('error', () => {});
  });
  return keep(await TcpBackend.listen((socket) => void inner.emit('connection', socket)));
}

/** Says something over TLS to this port, behind a header that comes in one packet with the ClientHello. */
async function talk(port: number, header: Buffer): Promise<string> {
  const front = keep(await prepending(header, port));
  const socket = await dialTls(front.port, { ca: authority.certificate });
  socket.write('hello');
  const { bytes } = await readAll(socket);
  return bytes.toString();
}

// G01, G02, G03
describe('a PROXY protocol header with many fields, in one packet with the ClientHello', () => {
  const header = headerWithFields({ checksum: 'right' });
  const wrong = headerWithFields({ checksum: 'wrong' });

  it('is read by an HTTPS port, unless its checksum is wrong', async () => {
    const behind = keep(await ScriptedBackend.start());
    const listeners = [listener({ protocol: 'HTTPS', tls: ending, proxyProtocol })];
    const proxy = keep(await HttpProxy.start({ ports: [behind.port], config: { listeners } }));
    const front = keep(await prepending(header, proxy.port));
    const client = RawClient.on(await dialTls(front.port, { ca: authority.certificate }));
    expect((await client.request(`GET / HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`)).status).toBe(200);
    client.close();
    expect(behind.requests[0]?.header('x-forwarded-for')).toBe(NAMED_CLIENT);
    const bad = keep(await prepending(wrong, proxy.port));
    expect(await handshakeError(bad.port)).not.toBe('none');
    await eventually('it is logged', () =>
      proxy.records.some(
        ({ reason, clientAddress }) => reason === 'proxy_protocol' && clientAddress === '127.0.0.1',
      ),
    );
    expect(behind.connections).toBe(1);
  });

  it.each([
    ['ends TLS', 'Terminate'],
    ['passes TLS on', 'Passthrough'],
  ] as const)('is read by a TLS port that %s, unless its checksum is wrong', async (_, mode) => {
    const behind =
      mode === 'Terminate'
        ? keep(await TcpBackend.listen((socket) => socket.once('data', () => socket.end('secured'))))
        : await secureBackend();
    const tls = mode === 'Terminate' ? ending : ({ mode } as const);
    const port = keep(
      await TcpPort.listen(endpointsAt(behind.port), {
        listener: { name: 'tls', protocol: 'TLS', tls, hostnames: [NAME], proxyProtocol },
      }),
    );
    expect(await talk(port.port, header)).toBe('secured');
    await eventually('it is over', () => port.worker.records.length === 1);
    expect(port.worker.records[0]).toMatchObject({ clientAddress: NAMED_CLIENT, serverName: NAME });
    const bad = keep(await prepending(wrong, port.port));
    expect(await handshakeError(bad.port)).not.toBe('none');
    await eventually('it is refused', () => port.worker.records.length === 2);
    expect(port.worker.records[1]).toMatchObject({
      clientAddress: '127.0.0.1',
      error: 'DOWNSTREAM_BAD_REQUEST',
    });
    expect(behind.accepted).toBe(1);
  });
});

describe('a TCP port that trusts IPv4 peers', () => {
  // G04
  it('knows them on a socket for both families', async () => {
    const behind = keep(await TcpBackend.echo());
    const port = keep(
      await TcpPort.listen(endpointsAt(behind.port), { listener: { proxyProtocol }, host: '::' }),
    );
    const client = dialTcp(port.port);
    client.end(Buffer.concat([headerWithFields({ checksum: 'right' }), Buffer.from('hello')]));
    expect((await readAll(client)).bytes.toString()).toBe('hello');
    await eventually('it is over', () => port.worker.records.length === 1);
    expect(port.worker.records[0]).toMatchObject({ clientAddress: NAMED_CLIENT });
  });

  it.each(['P', 'PR', 'PROXY', '\r', '\r\n\r\n'])(
    'passes on what begins with %j and is no header, where none is required',
    async (beginning) => {
      const behind = keep(await TcpBackend.echo());
      const port = keep(
        await TcpPort.listen(endpointsAt(behind.port), {
          listener: { proxyProtocol: { ...proxyProtocol, mode: 'Optional' } },
        }),
      );
      const client = dialTcp(port.port);
      const all = readAll(client);
      client.write(beginning);
      await eventually('it has come', () => port.handler.connections === 1);
      await new Promise((resolve) => setImmediate(resolve));
      client.end('ING');
      expect((await all).bytes.toString()).toBe(`${beginning}ING`);
    },
  );
});

describe('a pool that speaks the PROXY protocol to backends that speak TLS', () => {
  // G14
  it.each(['V1', 'V2'] as const)(
    'tells a TCP session’s backend in %s, before TLS begins',
    async (version) => {
      const { chain, privateKey } = await authority.issue({ names: [NAME] });
      const seen: Buffer[] = [];
      const inner = createTlsServer({ cert: chain, key: privateKey }, (socket) => {
        socket.once('data', () => socket.end('secured'));
        socket.on('error', () => {});
      });
      const behind = keep(
        await TcpBackend.listen((socket) => {
          socket.once('data', (bytes: Buffer) => {
            const header = parseProxyHeader(bytes);
            if (header.kind !== 'header') return socket.destroy();
            seen.push(bytes.subarray(0, header.length));
            socket.pause();
            socket.unshift(bytes.subarray(header.length));
            return inner.emit('connection', socket);
          });
        }),
      );
      const port = keep(
        await TcpPort.listen(endpointsAt(behind.port), {
          listener: { proxyProtocol },
          config: {
            backendProxyProtocol: version,
            backends: [backend({ tls: { mode: 'Verify', serverName: NAME, ca: authority.certificate } })],
          },
        }),
      );
      const client = dialTcp(port.port);
      client.write(Buffer.concat([headerWithFields({ checksum: 'right' }), Buffer.from('hello')]));
      expect((await readAll(client)).bytes.toString()).toBe('secured');
      expect(parseProxyHeader(seen[0]!)).toMatchObject({
        parties: {
          source: { address: NAMED_CLIENT, port: 40_000 },
          destination: { address: '198.51.100.2', port: 443 },
        },
      });
    },
  );
});
