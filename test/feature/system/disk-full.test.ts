import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { ScriptedBackend } from '../../support/http/backend.ts';
import { poolManifest } from '../../support/process/manifests.ts';
import { ProxyProcess } from '../../support/process/proxy-process.ts';

const REQUESTS = 3_000;

describe('a proxy whose log is on a full disk', () => {
  const open: { close(): Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0).toReversed()) await one.close();
  });

  // F15
  it('starts, serves, says in a metric that lines are lost, and ends in good order', async () => {
    const backend = await ScriptedBackend.start();
    open.push(backend);
    const [port] = (await freePorts(1)) as [number];
    const proxy = await ProxyProcess.start({
      manifests: poolManifest('http', 'HTTP', { listen: port, backend: backend.port }),
      args: ['--access-log'],
      output: '/dev/full',
    });
    open.push(proxy);
    const ask = async (): Promise<number> => (await fetch(`http://127.0.0.1:${port}/`)).status;
    expect(await ask()).toBe(200);
    const before = proxy.memoryKiB;
    for (let i = 0; i < REQUESTS; i += 20) {
      const statuses = await Promise.all(Array.from({ length: 20 }, ask));
      expect(statuses.every((status) => status === 200)).toBe(true);
    }
    expect(proxy.memoryKiB - before).toBeLessThan(64 * 1_024);
    await eventually('the metric says so', async () => {
      const page = await (await proxy.fetch('/metrics')).text();
      const count = /^evenkeel_access_log_failures_total (\d+)$/m.exec(page)?.[1];
      return Number(count) >= REQUESTS;
    });
    expect(await proxy.close('SIGTERM')).toBe(0);
  }, 60_000);
});
