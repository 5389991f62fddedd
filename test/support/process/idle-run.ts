import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { TestAuthority } from '../certificates.ts';
import { eventually } from '../eventually.ts';
import { freePorts } from '../free-ports.ts';
import { ScriptedBackend } from '../http/backend.ts';
import { TcpBackend } from '../tcp-backend.ts';
import { poolManifest } from './manifests.ts';
import { ProxyProcess } from './proxy-process.ts';

const AT_ONCE = 100;
/** Opened and closed before, so that what a connection needs is there but for the connection. */
const WARM_UP = 500;

export interface IdleMemory {
  /** Connections that were open. */
  readonly open: number;
  /** Memory that each added to the proxy. */
  readonly kib: number;
}

/** What connections speak: their own bytes or HTTP/1.1 in clear, HTTP/1.1 or HTTP/2 in TLS. */
export type IdleProtocol = 'TCP' | 'HTTP' | 'HTTPS' | 'HTTP/2';

/**
 * Opens connections through a proxy process, each used once (HTTP: a request; TCP: an echo) and then idle, and says
 * what the proxy's memory has grown by.
 */
export async function measureIdle(protocol: IdleProtocol, connections: number): Promise<IdleMemory> {
  const backend = protocol === 'TCP' ? await TcpBackend.echo() : await ScriptedBackend.start();
  const [port] = await freePorts(1);
  const listen = { listen: port!, backend: backend.port };
  const proxy = await ProxyProcess.start({ manifests: await manifestsFor(protocol, listen) });
  const open = OPEN[protocol];
  for (const client of await openAll(open, port!, WARM_UP)) client.destroy();
  await eventually('the first ones are gone', async () => (await openIn(proxy)) === 0);
  const before = await settled(proxy);
  const clients = await openAll(open, port!, connections);
  const after = await settled(proxy);
  const openNow = await openIn(proxy);
  for (const client of clients) client.destroy();
  await proxy.close();
  await backend.close();
  return { open: openNow, kib: (after - before) / openNow };
}

async function manifestsFor(
  protocol: IdleProtocol,
  ports: { readonly listen: number; readonly backend: number },
): Promise<string> {
  const timeouts = 'timeouts: {idle: 300s}';
  if (protocol === 'TCP' || protocol === 'HTTP') {
    return poolManifest('idle', protocol, ports, { listener: timeouts });
  }
  const authority = await TestAuthority.create();
  const { chain, privateKey } = await authority.issue({ names: ['127.0.0.1'] });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const secret = `---
apiVersion: v1
kind: Secret
type: kubernetes.io/tls
metadata: {name: idle-tls}
data: {tls.crt: ${base64(chain)}, tls.key: ${base64(privateKey)}}
`;
  const tls = 'tls: {mode: Terminate, certificateRefs: [{name: idle-tls}]}';
  return secret + poolManifest('idle', 'HTTPS', ports, { listener: `${timeouts}, ${tls}` });
}

async function openIn(proxy: ProxyProcess): Promise<number> {
  const { workers } = await proxy.load();
  return workers.reduce((sum, { connections }) => sum + connections, 0);
}

interface Client {
  destroy(): void;
}

/** Opens one and uses it once; resolves when it was answered, or refused. */
type Open = (port: number) => Promise<Client>;

const OPEN: Readonly<Record<IdleProtocol, Open>> = {
  TCP: (port) => usedAsText(connect({ port, host: '127.0.0.1' })),
  HTTP: (port) => usedAsText(connect({ port, host: '127.0.0.1' })),
  HTTPS: (port) => usedAsText(connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })),
  'HTTP/2': async (port) => {
    const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    session.on('error', () => session.destroy());
    const request = session.request({ ':path': '/' }).on('error', () => {});
    request.resume();
    await new Promise<void>((resolve) => request.once('close', resolve));
    return session;
  },
};

async function openAll(open: Open, port: number, count: number): Promise<Client[]> {
  const clients: Client[] = [];
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      clients.push(await open(port));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return clients;
}

async function usedAsText(client: Socket): Promise<Socket> {
  await new Promise<void>((resolve) => {
    client.on('error', () => client.destroy());
    client.once('close', () => resolve());
    client.once('data', () => resolve());
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  });
  return client;
}

/** Its memory once it no longer falls: what is garbage goes within seconds. */
async function settled(proxy: ProxyProcess): Promise<number> {
  let least = proxy.memoryKiB;
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    least = Math.min(least, proxy.memoryKiB);
  }
  return least;
}
