import { connect, type Socket } from 'node:net';
import { eventually } from '../../test/support/eventually.ts';
import { freePorts } from '../../test/support/free-ports.ts';
import { ScriptedBackend } from '../../test/support/http/backend.ts';
import { poolManifest } from '../../test/support/process/manifests.ts';
import { ProxyProcess } from '../../test/support/process/proxy-process.ts';
import { median } from '../contest.ts';

const TRIES = 5;

/** Connections of the busiest worker as a multiple of the mean; the median of a few tries. */
export async function spreadOf(connections: number, workers: number): Promise<number> {
  const backend = await ScriptedBackend.start();
  const [port] = await freePorts(1);
  const manifests = poolManifest('spread', 'HTTP', { listen: port!, backend: backend.port });
  const proxy = await ProxyProcess.start({ manifests, workers });
  const spreads: number[] = [];
  for (let i = 0; i < TRIES; i++) {
    const clients = await Promise.all(Array.from({ length: connections }, () => opened(port!)));
    const each = await eventually('all are accepted', async () => {
      const open = (await proxy.load()).workers.map((worker) => worker.connections);
      return open.reduce((sum, count) => sum + count, 0) === connections && open;
    });
    spreads.push((Math.max(...each) * workers) / connections);
    for (const client of clients) client.destroy();
    await eventually('all are gone', async () =>
      (await proxy.load()).workers.every((worker) => worker.connections === 0),
    );
  }
  await proxy.close();
  await backend.close();
  return median(spreads);
}

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
}
