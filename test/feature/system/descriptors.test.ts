import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { ScriptedBackend } from '../../support/http/backend.ts';
import { poolManifest } from '../../support/process/manifests.ts';
import { ProxyProcess } from '../../support/process/proxy-process.ts';
import { TcpBackend } from '../../support/tcp-backend.ts';

const MAX_FILES = 256;

// CATALOGUE F12
describe('a proxy that may open 256 files', () => {
  let http: ScriptedBackend;
  let tcp: TcpBackend;
  let proxy: ProxyProcess;
  let ports: number[];
  const clients = new Set<Socket>();

  beforeEach(async () => {
    [http, tcp, ports] = await Promise.all([ScriptedBackend.start(), TcpBackend.echo(), freePorts(2)]);
    proxy = await ProxyProcess.start({
      maxFiles: MAX_FILES,
      manifests: [
        // More than there can be: it is the process's limit that binds.
        poolManifest(
          'http',
          'HTTP',
          { listen: ports[0]!, backend: http.port },
          { listener: 'limits: {maxConnections: 10000}' },
        ),
        poolManifest('tcp', 'TCP', { listen: ports[1]!, backend: tcp.port }),
      ].join(''),
    });
  });

  afterEach(async () => {
    closeAll();
    await proxy.close();
    await Promise.all([http.close(), tcp.close()]);
  });

  function closeAll(): void {
    for (const client of clients) client.destroy();
    clients.clear();
  }

  function open(port: number): void {
    const client = connect({ port, host: '127.0.0.1' });
    clients.add(client);
    client.on('error', () => client.destroy());
    client.on('close', () => clients.delete(client));
    client.resume();
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  }

  const served = async (): Promise<boolean> =>
    (await fetch(`http://127.0.0.1:${ports[0]}/`, { signal: AbortSignal.timeout(1_000) })).ok;

  it('turns away what is too much, goes on, answers its admin address, and recovers at once', async () => {
    for (let i = 0; i < 300; i++) for (const port of ports) open(port);
    await eventually('it has turned away many', () => clients.size < 200);
    expect(proxy.isRunning).toBe(true);
    expect((await proxy.fetch('/healthz')).status).toBe(200);
    expect(proxy.descriptors).toBeLessThan(MAX_FILES);
    expect(clients.size).toBeGreaterThan(40);
    const metrics = await (await proxy.fetch('/metrics')).text();
    expect(metrics).toMatch(/evenkeel_refused_requests_total\{reason="OVERLOADED"\} \d{2}/);
    expect(metrics).not.toMatch(/evenkeel_worker_replacements_total\{/);

    closeAll();
    await eventually('requests are served again', served, 1_000);
  }, 30_000);
});
