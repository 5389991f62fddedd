import { connect, type Socket } from 'node:net';
import { eventually } from '../eventually.ts';
import { freePorts } from '../free-ports.ts';
import { ScriptedBackend } from '../http/backend.ts';
import { poolManifest } from './manifests.ts';
import { ProxyProcess } from './proxy-process.ts';

const HEAD = 'GET / HTTP/1.1\r\nHost: a.example\r\nX-Slow: ';

export interface SlowClientsRun {
  /** How long the first and the last of them were left open. */
  readonly shortestMs: number;
  readonly longestMs: number;
  /** Requests of another client meanwhile, and how many were not served within a second. */
  readonly requests: number;
  readonly failed: number;
  /** Descriptors of the proxy with all of them open, over those before and after. */
  readonly descriptorsTaken: number;
}

export interface SlowClientsOptions {
  readonly clients: number;
  /** Of the listener; absent: its defaults. */
  readonly timeouts?: string;
  /** They send one byte of a head each time; absent: nothing ever. */
  readonly byteEveryMs?: number;
}

/**
 * Lets so many clients that never get to a request stay at a proxy process until it has closed them all, with another
 * client beside them. Fails when their descriptors don't come back.
 */
export async function slowClients(options: SlowClientsOptions): Promise<SlowClientsRun> {
  const { clients: count, timeouts, byteEveryMs } = options;
  const [backend, [port]] = (await Promise.all([ScriptedBackend.start(), freePorts(1)])) as [
    ScriptedBackend,
    [number],
  ];
  const proxy = await ProxyProcess.start({
    manifests: poolManifest(
      'http',
      'HTTP',
      { listen: port, backend: backend.port },
      timeouts === undefined ? {} : { listener: `timeouts: {${timeouts}}` },
    ),
    // Two for each that may come, as the proxy counts, however they spread over its two threads.
    maxFiles: 4 * count + 1_000,
  });
  const open = new Set<Socket>();
  const bytesDue = new Set<() => void>();
  const drip =
    byteEveryMs === undefined
      ? undefined
      : setInterval(() => {
          for (const send of bytesDue) send();
        }, byteEveryMs);
  const visit = (): Promise<number> =>
    new Promise((resolve) => {
      const client = connect({ port, host: '127.0.0.1' });
      open.add(client);
      let begun = performance.now();
      let sent = 0;
      const send = (): void => void client.write(HEAD[sent++] ?? 'x');
      client.on('connect', () => {
        begun = performance.now();
        if (byteEveryMs === undefined) return;
        send();
        bytesDue.add(send);
      });
      client.on('error', () => client.destroy());
      client.resume();
      client.on('close', () => {
        bytesDue.delete(send);
        open.delete(client);
        resolve(performance.now() - begun);
      });
    });
  try {
    const before = proxy.descriptors;
    const lives = Promise.all(Array.from({ length: count }, visit));
    let [requests, failed, most] = [0, 0, 0];
    do {
      const isServed = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1_000) }).then(
        ({ ok }) => ok,
        () => false,
      );
      requests += 1;
      if (!isServed) failed += 1;
      if (requests % 10 === 0) most = Math.max(most, proxy.descriptors);
    } while (open.size > 0);
    await eventually('their descriptors are back', () => proxy.descriptors < before + 10);
    const stays = await lives;
    return {
      shortestMs: Math.min(...stays),
      longestMs: Math.max(...stays),
      requests,
      failed,
      descriptorsTaken: most - before,
    };
  } finally {
    clearInterval(drip);
    for (const client of open) client.destroy();
    await proxy.close();
    await backend.close();
  }
}
