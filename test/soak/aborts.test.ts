import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import type { ScriptedBackend } from '../support/http/backend.ts';
import { abortRequests } from '../support/load/abort-run.ts';
import { mixedBackend } from '../support/load/mixed-backend.ts';
import { isAtRest } from '../support/process/at-rest.ts';
import { poolManifest } from '../support/process/manifests.ts';
import { ProxyProcess } from '../support/process/proxy-process.ts';

const BATCH = 20_000;
const BATCHES = 5;

// CATALOGUE D10
describe('100,000 clients that leave in the middle', () => {
  let backend: ScriptedBackend;
  let proxy: ProxyProcess;
  let port: number;

  beforeAll(async () => {
    [backend, [port]] = (await Promise.all([mixedBackend(), freePorts(1)])) as [ScriptedBackend, [number]];
    proxy = await ProxyProcess.start({
      manifests: poolManifest('http', 'HTTP', { listen: port, backend: backend.port }),
    });
  }, 30_000);

  afterAll(async () => {
    await proxy.close();
    await backend.close();
  });

  it('leave nothing behind, and memory rises by less than 1.2 KiB for each', async () => {
    const descriptors = proxy.descriptors;
    const memory: number[] = [];
    for (let batch = 0; batch < BATCHES; batch++) {
      await abortRequests(port, BATCH);
      backend.requests.length = 0;
      await eventually('nothing is under way', async () => isAtRest(await proxy.load()));
      memory.push(proxy.memoryKiB);
    }
    const { workers } = await proxy.load();
    const idle = workers.reduce((sum, { idleBackends }) => sum + idleBackends, 0);
    process.stdout.write(`KiB after each ${BATCH}: ${memory.join(' ')}\n`);
    expect(proxy.descriptors - descriptors - idle).toBeLessThan(5);
    // The first batch warms up. Uncollected garbage comes and goes by 80 MiB; over half a million there is no slope.
    expect(memory.at(-1)! - memory[0]!).toBeLessThan(96 * 1_024);
  }, 600_000);
});
