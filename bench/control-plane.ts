/**
 * Measures the control plane on a real API server, with the controller as its image has it, and simulated proxies that
 * share the real client's code:
 *
 *     node bench/control-plane.ts [CASE...]
 *
 * Everything goes to standard output; a whole run also to bench/results/.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createKubeClient } from '../controller/kube/client.ts';
import { eventually } from '../test/support/eventually.ts';
import { startApiServer } from '../test/support/kube/api-server.ts';
import { findBinaries } from '../test/support/kube/binaries.ts';
import { configFor } from '../test/support/kube/config.ts';
import { bundleController, startController, type MeasuredController } from './control-plane/controller.ts';
import { now, Proxies } from './control-plane/proxies.ts';
import { installCrd, World } from './control-plane/world.ts';
import { table, verdictRow } from './report.ts';
import { atMost, type Verdict } from './section.ts';

const PER_SECOND = 100;
const SECONDS = 10;
const RESULTS = new URL('results/', import.meta.url);

const CASES = {
  'one-proxy': () => spread(1),
  'ten-proxies': () => spread(10),
  'hundred-proxies': () => spread(100),
  'large-pool': largePool,
  'many-pools': manyPools,
  reconnect,
};
type Case = keyof typeof CASES;

const wanted = process.argv.slice(2) as Case[];
const unknown = wanted.find((name) => !Object.hasOwn(CASES, name));
if (unknown !== undefined) fail(`no case is called ${unknown}; there are ${Object.keys(CASES).join(', ')}`);
const binaries = await findBinaries(say);
if (binaries === undefined) fail('no kube-apiserver: set KUBEBUILDER_ASSETS, or install Go');

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const loadBefore = loadavg()[0]!;
// Proxies keep their last good snapshot in memory, as the chart has it: a disk would be measured otherwise.
const memory = await access('/dev/shm').then(
  () => '/dev/shm',
  () => tmpdir(),
);
const dir = await mkdtemp(join(memory, 'evenkeel-bench-'));
await bundleController(dir);
const server = await startApiServer(binaries);
const admin = createKubeClient(configFor(server, server.adminToken));
const verdicts: Verdict[] = [];
try {
  await installCrd(admin);
  for (const name of wanted.length > 0 ? wanted : (Object.keys(CASES) as Case[])) {
    say(name);
    const found = await CASES[name]();
    for (const verdict of found) say(`  ${verdictRow(verdict).join('  ')}`);
    verdicts.push(...found);
  }
} finally {
  await admin.close();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
}

const text = markdown();
process.stdout.write(text);
if (wanted.length === 0) {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(new URL('control-plane.md', RESULTS), text);
  writeFileSync(new URL('control-plane.json', RESULTS), `${JSON.stringify(verdicts, undefined, 1)}\n`);
}
process.exit(0);

/** What one case needs, and takes away again. */
async function withCase<T>(
  name: string,
  run: (world: World, start: (grpcPort?: number) => Promise<MeasuredController>) => Promise<T>,
): Promise<T> {
  const world = await World.create(admin, name);
  const started: MeasuredController[] = [];
  const start = async (grpcPort?: number): Promise<MeasuredController> => {
    const setup = { info: server, dir, className: name, namespace: name };
    const controller = await startController(grpcPort === undefined ? setup : { ...setup, grpcPort });
    started.push(controller);
    return controller;
  };
  try {
    return await run(world, start);
  } finally {
    for (const controller of started) await controller.stop();
    await world.remove();
  }
}

function proxiesOf(name: string, count: number, controller: MeasuredController): Proxies {
  return Proxies.start({ count, controllers: `127.0.0.1:${controller.grpcPort}`, dir: join(dir, name) });
}

/** A hundred pools of ten endpoints each; pods are replaced here and there. */
async function spread(count: number): Promise<Verdict[]> {
  const name = `spread-${count}`;
  return withCase(name, async (world, start) => {
    const controller = await start();
    const proxies = proxiesOf(name, count, controller);
    try {
      for (let i = 0; i < 100; i += 1) {
        await world.service(`s-${i}`, 10);
        await world.pool(`p-${i}`, name, `s-${i}`, 10_000 + i);
      }
      return await changes(
        `100 pools, ${count} ${count === 1 ? 'proxy' : 'proxies'}`,
        world,
        proxies,
        controller,
      );
    } finally {
      await proxies.stop();
    }
  });
}

async function largePool(): Promise<Verdict[]> {
  const count = 3;
  const endpoints = 10_000;
  return withCase('large', async (world, start) => {
    const controller = await start();
    const proxies = proxiesOf('large', count, controller);
    try {
      await world.service('big', endpoints);
      await world.change(0);
      const began = now();
      await world.pool('big', 'large', 'big', 10_000);
      const tookMs = (await everywhere(0, proxies)) - began;
      const what = `one pool of 10,000 endpoints, ${count} proxies`;
      return [
        atMost(`${what}: pool created to applied everywhere`, tookMs, 1_000, 'ms'),
        ...(await changes(what, world, proxies, controller)),
        atMost(`${what}: memory of the controller, at most`, (await controller.memory()).mostMiB, 300, 'MiB'),
        atMost(
          `${what}: stall of the controller's event loop, p99`,
          (await controller.stalls()).p99Ms,
          20,
          'ms',
        ),
      ];
    } finally {
      await proxies.stop();
    }
  });
}

/** Replaces 100 pods a second. */
async function changes(
  what: string,
  world: World,
  proxies: Proxies,
  controller: MeasuredController,
): Promise<Verdict[]> {
  await world.change(1);
  await everywhere(1, proxies);
  await eventually('all Programmed', async () => (await world.programmed()) > 0, 60_000);
  await world.watch();
  const cpuOf = (): Promise<number[]> => Promise.all([controller.cpuSeconds(), proxies.cpuSeconds()]);
  const cpu = await cpuOf();
  const bytes = await controller.metric('evenkeel_controller_pushed_bytes_total');
  const began = now();
  const first = 2;
  const end = first + PER_SECOND * SECONDS;
  const writes: Promise<void>[] = [];
  for (let n = first; n < end; n += 1) {
    const waitMs = began + ((n - first) * 1_000) / PER_SECOND - now();
    if (waitMs > 0) await delay(waitMs);
    writes.push(world.change(n));
    if (writes.length > 50) await writes[writes.length - 50]; // no faster than the API server takes them
  }
  await Promise.all(writes);
  const tookS = (now() - began) / 1_000;
  await everywhere(end - 1, proxies);
  await delay(500);
  const lastedS = (now() - began) / 1_000;
  const cpuPercent = (await cpuOf()).map((seconds, i) => Math.round((100 * (seconds - cpu[i]!)) / lastedS));
  const pushed = (await controller.metric('evenkeel_controller_pushed_bytes_total')) - bytes;
  const took: number[] = [];
  for (let n = first; n < end; n += 1) {
    const seenAt = world.seenAt(n);
    if (seenAt !== undefined) took.push(...proxies.applied(n).map((at) => Math.max(0, at - seenAt)));
  }
  took.sort((a, b) => a - b);
  const share = took.length / ((end - first) * proxies.count);
  const at = (part: number): number => took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? NaN;
  say(
    `  ${what}: ${Math.round((end - first) / tookS)} changes/s, controller at ${cpuPercent[0]} % of a core, ` +
      `all proxies at ${cpuPercent[1]} %, ` +
      `${(100 * share).toFixed(1)} % of the changes met in the proxies`,
  );
  return [
    atMost(`${what}: event to applied, p50`, at(0.5), 20, 'ms'),
    atMost(`${what}: event to applied, p99`, at(0.99), 100, 'ms'),
    atMost(`${what}: event to applied, most`, at(1), 500, 'ms'),
    atMost(`${what}: bytes a change and proxy`, pushed / (end - first) / proxies.count, 2_048, 'B'),
  ];
}

async function manyPools(): Promise<Verdict[]> {
  const pools = 1_000;
  return withCase('many', async (world, start) => {
    const controller = await start();
    const proxies = proxiesOf('many', 3, controller);
    try {
      await world.service('small', 1);
      await world.change(0);
      await eventually(
        'connected',
        async () => (await controller.metric('evenkeel_controller_connected_proxies')) === 3,
      );
      const began = now();
      const names = Array.from({ length: pools }, (_, i) => `p-${i}`);
      for (let from = 0; from < names.length; from += 50) {
        const some = names.slice(from, from + 50);
        await Promise.all(some.map((name, i) => world.pool(name, 'many', 'small', 10_000 + from + i)));
      }
      const created = now();
      await eventually('all Programmed', async () => (await world.programmed()) === pools, 120_000);
      const ended = now();
      say(`  created in ${Math.round(created - began)} ms`);
      return [
        atMost(
          '1,000 pools created at once, 3 proxies: first created to all Programmed',
          (ended - began) / 1_000,
          10,
          's',
        ),
        atMost(
          '1,000 pools: memory of the controller, at most',
          (await controller.memory()).mostMiB,
          300,
          'MiB',
        ),
      ];
    } finally {
      await proxies.stop();
    }
  });
}

/** The controller restarts, and something has changed meanwhile. */
async function reconnect(): Promise<Verdict[]> {
  const count = 500;
  return withCase('reconnect', async (world, start) => {
    const first = await start();
    const proxies = proxiesOf('reconnect', count, first);
    try {
      for (let i = 0; i < 20; i += 1) {
        await world.service(`s-${i}`, 50);
        await world.pool(`p-${i}`, 'reconnect', `s-${i}`, 10_000 + i);
      }
      await world.change(0);
      await everywhere(0, proxies);
      await first.stop();
      await world.change(1);
      const began = now();
      const second = await start(first.grpcPort);
      const last = await everywhere(1, proxies);
      const cpu = await second.cpuSeconds();
      const { mostMiB } = await second.memory();
      const tookS = (last - began) / 1_000;
      const what = '500 proxies after a restart of the controller';
      return [
        atMost(`${what}: process started to all in sync`, tookS, 10, 's'),
        atMost(`${what}: CPU of the controller meanwhile`, cpu / tookS, 1, 'cores'),
        atMost(`${what}: memory of the controller, at most`, mostMiB, 300, 'MiB'),
      ];
    } finally {
      await proxies.stop();
    }
  });
}

/** When the last proxy had the change. */
async function everywhere(change: number, proxies: Proxies): Promise<number> {
  const times = await eventually(
    `change ${change} in every proxy`,
    () => (proxies.applied(change).length >= proxies.count ? proxies.applied(change) : undefined),
    120_000,
  );
  return Math.max(...times);
}

function markdown(): string {
  const met = verdicts.filter(({ isMet }) => isMet).length;
  return [
    '# Figures of the control plane',
    '',
    `Written by \`node bench/control-plane.ts${wanted.map((name) => ` ${name}`).join('')}\` on ${new Date().toISOString().slice(0, 10)}.`,
    'kube-apiserver, etcd, the controller, the simulated proxies and what makes the changes share the machine.',
    '',
    `- ${cpus()[0]!.model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`,
    `- load average ${loadBefore.toFixed(1)} before, ${loadavg()[0]!.toFixed(1)} after`,
    `- a change: a pod takes another's place in a slice; ${PER_SECOND} a second for ${SECONDS} s`,
    '- event: when the API server told a watch in the process that makes the changes',
    '',
    `## Bars: ${met} of ${verdicts.length} met`,
    '',
    ...table(['what', 'figure', 'bar', '', 'aim'], verdicts.map(verdictRow)),
    '',
  ].join('\n');
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function fail(reason: string): never {
  say(reason);
  process.exit(2);
}
