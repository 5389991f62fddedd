import { connect, type Socket } from 'node:net';
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

/**
 * Opens connections through a proxy process, each used once (HTTP: a request; TCP: an echo) and then idle, and says
 * what the proxy's memory has grown by.
 */
export async function measureIdle(protocol: 'HTTP' | 'TCP', connections: number): Promise<IdleMemory> {
  const backend = protocol === 'HTTP' ? await ScriptedBackend.start() : await TcpBackend.echo();
  const [port] = await freePorts(1);
  const listen = { listen: port!, backend: backend.port };
  const proxy = await ProxyProcess.start({
    manifests: poolManifest('idle', protocol, listen, { listener: 'timeouts: {idle: 300s}' }),
  });
  for (const client of await openAll(port!, WARM_UP)) client.destroy();
  await eventually('the first ones are gone', async () => (await openIn(proxy)) === 0);
  const before = await settled(proxy);
  const clients = await openAll(port!, connections);
  const after = await settled(proxy);
  const open = await openIn(proxy);
  for (const client of clients) client.destroy();
  await proxy.close();
  await backend.close();
  return { open, kib: (after - before) / open };
}

async function openIn(proxy: ProxyProcess): Promise<number> {
  const { workers } = await proxy.load();
  return workers.reduce((sum, { connections }) => sum + connections, 0);
}

async function openAll(port: number, count: number): Promise<Socket[]> {
  const clients: Socket[] = [];
  const lane = async (): Promise<void> => {
    while (clients.length < count) {
      const client = connect({ port, host: '127.0.0.1' });
      clients.push(client);
      await used(client);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return clients;
}

/** Resolves when it was answered, or refused. */
function used(client: Socket): Promise<void> {
  return new Promise((resolve) => {
    client.on('error', () => client.destroy());
    client.once('close', () => resolve());
    client.once('data', () => resolve());
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  });
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
