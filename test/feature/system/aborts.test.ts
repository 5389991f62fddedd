import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import type { ScriptedBackend } from '../../support/http/backend.ts';
import { abortRequests } from '../../support/load/abort-run.ts';
import { mixedBackend } from '../../support/load/mixed-backend.ts';
import { isAtRest } from '../../support/process/at-rest.ts';
import { poolManifest } from '../../support/process/manifests.ts';
import { ProxyProcess } from '../../support/process/proxy-process.ts';

// CATALOGUE D10; the short form of test/soak/aborts.test.ts.
describe('10,000 clients that leave in the middle', () => {
  let backend: ScriptedBackend;
  let proxy: ProxyProcess;
  let port: number;

  beforeAll(async () => {
    [backend, [port]] = (await Promise.all([mixedBackend(), freePorts(1)])) as [ScriptedBackend, [number]];
    proxy = await ProxyProcess.start({
      manifests: poolManifest('http', 'HTTP', { listen: port, backend: backend.port }),
    });
  });

  afterAll(async () => {
    await proxy.close();
    await backend.close();
  });

  it('leave no connection, descriptor or memory behind', async () => {
    const descriptors = proxy.descriptors;
    await abortRequests(port, 5_000);
    const memory = proxy.memoryKiB;
    await abortRequests(port, 5_000);
    const load = await eventually('nothing is under way', async () => {
      const now = await proxy.load();
      return isAtRest(now) ? now : Promise.reject(new Error(JSON.stringify(now)));
    });
    const idle = load.workers.reduce((sum, { idleBackends }) => sum + idleBackends, 0);
    // The admin address keeps this test's own connections for a moment.
    expect(proxy.descriptors - descriptors - idle).toBeLessThan(5);
    expect(proxy.memoryKiB - memory).toBeLessThan(32 * 1_024);
  }, 60_000);
});
