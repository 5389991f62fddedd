import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { SnapshotDisk } from '../../proxy/sync/snapshot-disk.ts';
import { bundleOptions, ENTRIES } from '../../scripts/bundle/options.ts';
import { endpoint, listener, poolConfig, poolSnapshot } from '../../test/support/builders.ts';
import { eventually } from '../../test/support/eventually.ts';
import { freePorts } from '../../test/support/free-ports.ts';

/** What starting needed is collected by then. */
const SETTLE_MS = 10_000;

export interface IdleProxy {
  readonly workers: number;
  readonly pools: number;
  /** Of each pool. */
  readonly endpoints: number;
}

/** MiB. */
export interface ProxyMemory {
  /** What no file backs: the kernel can take none of it back, and it counts for each proxy. */
  readonly own: number;
  /** Pages of files, nearly all of Node itself: shared by all who run it, and the kernel's to take back. */
  readonly files: number;
}

/**
 * The memory of the proxy of the image, in a process of its own, that has nothing to do: it serves what it had on its
 * disk, and checks its endpoints, since no controller answers.
 */
export async function measureIdleProxy(
  dir: string,
  { workers, pools, endpoints }: IdleProxy,
): Promise<ProxyMemory> {
  await build({ ...bundleOptions({ proxy: ENTRIES.proxy, worker: ENTRIES.worker }), outdir: dir });
  const image = await proxyImage();
  const [admin, controller, ...ports] = await freePorts(pools + 2);
  const disk = new SnapshotDisk(join(dir, 'state'));
  await disk.load();
  for (const [pool, port] of ports.entries()) {
    const snapshot = poolSnapshot({
      uid: `pool-${pool}`,
      name: `pool-${pool}`,
      config: poolConfig({ listeners: [listener({ port })] }),
      endpoints: {
        v1: Array.from({ length: endpoints }, (_, index) => endpoint({ address: `127.1.${pool}.${index}` })),
      },
    });
    await disk.save({ snapshot, epoch: 1, newest: {} });
  }
  const child = spawn(
    process.execPath,
    [
      ...image.nodeArguments,
      join(dir, 'proxy.mjs'),
      'proxy',
      `--controller=127.0.0.1:${controller}`,
      `--state=${join(dir, 'state')}`,
      `--admin=127.0.0.1:${admin}`,
      '--bind=127.0.0.1',
      `--workers=${workers}`,
      '--log-level=error',
    ],
    { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...image.environment } },
  );
  try {
    await eventually(
      'the proxy serves',
      async () => {
        if (child.exitCode !== null) throw new Error('the proxy has ended');
        return (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok;
      },
      30_000,
    );
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    return memoryOf(child.pid!);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

/** How the image starts Node. */
async function proxyImage(): Promise<{ nodeArguments: string[]; environment: Record<string, string> }> {
  const dockerfile = await readFile(new URL('../../Dockerfile', import.meta.url), 'utf8');
  const stage = /^FROM base AS proxy$[^]*/m.exec(dockerfile)?.[0] ?? '';
  const [, entry = '[]'] = /^ENTRYPOINT (.*)$/m.exec(stage) ?? [];
  const [, ...nodeArguments] = (JSON.parse(entry) as string[]).slice(0, -1);
  const settings = [...dockerfile.matchAll(/^ENV (.*)$/gm)].flatMap(([, line]) => line!.split(' '));
  const environment = settings.map((each) => each.split('=')).filter(([name]) => name !== 'LD_LIBRARY_PATH');
  return { nodeArguments, environment: Object.fromEntries(environment) as Record<string, string> };
}

function memoryOf(pid: number): ProxyMemory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mib = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1_024;
  return { own: mib('RssAnon') + mib('RssShmem'), files: mib('RssFile') };
}
