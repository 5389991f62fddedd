import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { ScriptedBackend } from '../../support/http/backend.ts';
import { poolManifest } from '../../support/process/manifests.ts';
import { ProxyProcess } from '../../support/process/proxy-process.ts';

const SLOW = 1_000;
const HEAD = 'GET / HTTP/1.1\r\nHost: a.example\r\nX-Slow: ';
const TIMEOUT_MS = 2_000;
/** The timeout's own coarseness, and what a busy machine adds. */
const GRACE_MS = 2_000;

// CATALOGUE F08, F10, R22
describe('a thousand slow clients', () => {
  let backend: ScriptedBackend;
  let proxy: ProxyProcess;
  let port: number;
  const clients = new Set<Socket>();

  beforeEach(async () => {
    [backend, [port]] = (await Promise.all([ScriptedBackend.start(), freePorts(1)])) as [
      ScriptedBackend,
      [number],
    ];
    proxy = await ProxyProcess.start({
      manifests: poolManifest(
        'http',
        'HTTP',
        { listen: port, backend: backend.port },
        { listener: `timeouts: {requestHeader: ${TIMEOUT_MS}ms}` },
      ),
    });
  });

  afterEach(async () => {
    for (const client of clients) client.destroy();
    await proxy.close();
    await backend.close();
  });

  /** Opens one; how long it was left open, in ms. */
  function slow(bytes: boolean): Promise<number> {
    return new Promise((resolve) => {
      const client = connect({ port, host: '127.0.0.1' });
      clients.add(client);
      let begun = performance.now();
      let sent = 0;
      const drip = setInterval(() => {
        if (bytes) client.write(HEAD[sent++] ?? 'x');
      }, 400);
      client.on('connect', () => {
        begun = performance.now();
        if (bytes) client.write(HEAD[sent++]!);
      });
      client.on('error', () => client.destroy());
      client.resume();
      client.on('close', () => {
        clearInterval(drip);
        clients.delete(client);
        resolve(performance.now() - begun);
      });
    });
  }

  it.each([
    ['send a byte now and then', true],
    ['say nothing', false],
  ])(
    'are closed in time when they %s, while others are served',
    async (_, bytes) => {
      const descriptors = proxy.descriptors;
      const lives = Promise.all(Array.from({ length: SLOW }, () => slow(bytes)));
      let probes = 0;
      do {
        const { status } = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1_000) });
        expect(status).toBe(200);
        probes += 1;
      } while (clients.size > 0);
      expect(probes).toBeGreaterThan(10);
      const longest = Math.max(...(await lives));
      expect(longest).toBeGreaterThanOrEqual(TIMEOUT_MS - 100);
      expect(longest).toBeLessThan(TIMEOUT_MS + GRACE_MS);
      await eventually('their descriptors are back', () => proxy.descriptors < descriptors + 10);
    },
    30_000,
  );
});
