/**
 * The control plane on a real API server: how long a change of an endpoint takes to every proxy, with how many bytes
 * and how much memory. Proxies are simulated, but share the real client's code. Prints one JSON line a case.
 *
 *     node bench/control-plane.ts [proxies] [endpoints] [seconds] [pools]
 */
import { readFile } from 'node:fs/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pino from 'pino';
import { parse } from 'yaml';
import type { PoolStatus } from '../api/pool.gen.ts';
import { createKubeClient, type KubeClient } from '../controller/kube/client.ts';
import {
  ENDPOINT_SLICES,
  POOLS,
  resourcePath,
  SERVICES,
  type KubeObject,
  type Resource,
} from '../controller/kube/objects.ts';
import { systemClock, systemRng } from '../lib/clock.ts';
import { startProxySync } from '../proxy/sync/sync.ts';
import { eventually } from '../test/support/eventually.ts';
import { startApiServer } from '../test/support/kube/api-server.ts';
import { findBinaries } from '../test/support/kube/binaries.ts';
import { configFor } from '../test/support/kube/config.ts';
import { spawnController } from '../test/support/kube/controller-process.ts';
import { poolObject, serviceObject, sliceObject } from '../test/support/kube/objects.ts';
import { RecordingSink } from '../test/support/recording-sink.ts';

interface Objected {
  readonly metadata: { readonly name: string };
}

const [proxyCount = 10, endpointCount = 10_000, seconds = 10, poolCount = 1_000] = process.argv
  .slice(2)
  .map(Number);
const SLICE = 100;
const CHANGES_PER_SECOND = 100;
const className = 'bench';
const namespace = 'default';

const print = (result: object): void => {
  process.stdout.write(`${JSON.stringify(result)}\n`);
};

const binaries = await findBinaries((line) => process.stderr.write(`${line}\n`));
if (binaries === undefined) throw new Error('no kube-apiserver: set KUBEBUILDER_ASSETS, or install Go');
const server = await startApiServer(binaries);
const dir = await mkdtemp(join(tmpdir(), 'evenkeel-bench-'));
const admin = createKubeClient(configFor(server, server.adminToken));
try {
  await installCrd(admin);
  const controller = await spawnController({ info: server, namespace, className, grpcPort: 0 });
  const sinks = await Promise.all(
    Array.from({ length: proxyCount }, (_, i) => proxy(i, controller.grpcPort)),
  );
  try {
    await endpointChanges(sinks, controller.child.pid!);
    await manyPools(controller.child.pid!);
  } finally {
    await controller.kill();
  }
} finally {
  await admin.close();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
}
process.exit(0);

async function proxy(i: number, port: number): Promise<RecordingSink> {
  const sink = new RecordingSink();
  await startProxySync({
    controllers: `127.0.0.1:${port}`,
    name: `proxy-${i}`,
    version: 'bench',
    stateDir: join(dir, String(i)),
    sink,
    clock: systemClock,
    rng: systemRng,
    log: pino({ level: 'silent' }),
  });
  return sink;
}

/** One pool with many endpoints; the weight of truth is the port of one endpoint of a slice. */
async function endpointChanges(sinks: readonly RecordingSink[], pid: number): Promise<void> {
  const addresses = (slice: number): string[] =>
    Array.from({ length: SLICE }, (_, i) => `10.${slice >> 8}.${slice & 255}.${i}`);
  const slices = endpointCount / SLICE;
  await apply(SERVICES, serviceObject('big'));
  for (let i = 0; i < slices; i += 1) {
    await apply(ENDPOINT_SLICES, sliceObject(`big-${i}`, 'big', { addresses: addresses(i), port: 1_000 }));
  }
  const start = performance.now();
  await apply(POOLS, poolObject('big', className));
  const total = (sink: RecordingSink): number =>
    [...sink.serving.values()].find(({ name }) => name === 'big')?.endpoints['v1']?.length ?? 0;
  await eventually('full sync', () => sinks.every((sink) => total(sink) === endpointCount), 60_000);
  print({
    what: 'full sync',
    endpoints: endpointCount,
    proxies: sinks.length,
    ms: round(performance.now() - start),
  });

  // Each change moves one slice to a port of its own; it has arrived when a proxy serves that port.
  const sentAt = new Map<number, number>();
  const tookMs: number[] = [];
  const writeMs: number[] = [];
  for (const sink of sinks) {
    const seen = new Set<number>();
    sink.judge = (snapshot) => {
      const now = performance.now();
      for (const { port } of snapshot.endpoints['v1'] ?? []) {
        const at = sentAt.get(port);
        if (at === undefined || seen.has(port)) continue;
        seen.add(port);
        tookMs.push(now - at);
      }
      return { ok: true };
    };
  }
  const cpu = await cpuSeconds(pid);
  const began = performance.now();
  const changes = seconds * CHANGES_PER_SECOND;
  const writes: Promise<unknown>[] = [];
  for (let n = 0; n < changes; n += 1) {
    await delay(Math.max(0, began + (n * 1_000) / CHANGES_PER_SECOND - performance.now()));
    const port = 2_000 + n;
    const slice = n % slices;
    sentAt.set(port, performance.now());
    const body = { ports: [{ name: 'http', port, protocol: 'TCP' }] };
    const path = resourcePath(ENDPOINT_SLICES, namespace, `big-${slice}`);
    const write = admin.request('PATCH', path, { body, contentType: 'application/merge-patch+json' });
    writes.push(write.then(() => writeMs.push(performance.now() - sentAt.get(port)!)));
    if (n >= 20) await writes[n - 20]; // no faster than the API server takes them
  }
  await Promise.all(writes);
  await delay(2_000);
  tookMs.sort((a, b) => a - b);
  const at = (share: number): number => round(tookMs[Math.floor(tookMs.length * share)] ?? NaN);
  print({
    what: 'a slice of 100 endpoints changed, write to applied',
    proxies: sinks.length,
    perSecond: CHANGES_PER_SECOND,
    seen: tookMs.length,
    of: changes * sinks.length,
    writeP50Ms: round(writeMs.toSorted((a, b) => a - b)[writeMs.length >> 1] ?? NaN),
    applies: Math.round(sinks.reduce((sum, { applies }) => sum + applies, 0) / sinks.length),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(0.999_999),
    controllerCpuPercent: round((100 * ((await cpuSeconds(pid)) - cpu)) / (seconds + 2)),
    controllerRssMiB: await rssMiB(pid),
  });
}

async function manyPools(pid: number): Promise<void> {
  await apply(SERVICES, serviceObject('small'));
  await apply(ENDPOINT_SLICES, sliceObject('small-1', 'small', { addresses: ['10.200.0.1'], port: 80 }));
  const start = performance.now();
  const names = Array.from({ length: poolCount }, (_, i) => `p-${i}`);
  for (let from = 0; from < names.length; from += 50) {
    await Promise.all(
      names.slice(from, from + 50).map((name, i) =>
        apply(
          POOLS,
          poolObject(name, className, {
            listeners: [{ name: 'web', protocol: 'HTTP', port: 10_000 + from + i }],
            backends: [{ name: 'v1', type: 'Service', service: { name: 'small', port: 'http' } }],
          }),
        ),
      ),
    );
  }
  const created = performance.now();
  await eventually(
    'all Programmed',
    async () => {
      const { items } = await admin.request<{ items: (KubeObject & { status?: PoolStatus })[] }>(
        'GET',
        resourcePath(POOLS),
      );
      const done = items.filter(({ status }) =>
        status?.conditions?.some(({ type, status: holds }) => type === 'Programmed' && holds === 'True'),
      );
      await delay(200);
      return done.length > poolCount;
    },
    120_000,
  );
  print({
    what: 'pools created, all Programmed',
    pools: poolCount,
    createMs: round(created - start),
    afterLastMs: round(performance.now() - created),
    totalMs: round(performance.now() - start),
    controllerRssMiB: await rssMiB(pid),
  });
}

function apply(resource: Resource, object: Objected): Promise<unknown> {
  return admin.request('PATCH', resourcePath(resource, namespace, object.metadata.name), {
    query: { fieldManager: 'bench', force: true },
    contentType: 'application/apply-patch+yaml',
    body: object,
  });
}

async function installCrd(client: KubeClient): Promise<void> {
  const crd = parse(await readFile('crds/loadbalancerpools.yaml', 'utf8')) as Objected;
  const collection = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  await client.request('POST', collection, { body: crd });
  await eventually('the API server serves pools', async () => {
    await client.request('GET', resourcePath(POOLS), { query: { limit: 1 } });
    return true;
  });
}

async function rssMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024);
}

/** Of all threads, user and system. */
async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
