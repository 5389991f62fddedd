import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { bundleOptions, ENTRIES } from '../../scripts/bundle/options.ts';
import type { ApiServerInfo } from '../../test/support/kube/api-server.ts';
import { configFor } from '../../test/support/kube/config.ts';
import { freePorts } from '../../test/support/free-ports.ts';
import { eventually } from '../../test/support/eventually.ts';

/** The controller of the image, in a process of its own: what is measured is what is shipped. */
export interface MeasuredController {
  readonly grpcPort: number;
  /** Seconds of all its threads, user and system. */
  cpuSeconds(): Promise<number>;
  memory(): Promise<{ readonly nowMiB: number; readonly mostMiB: number }>;
  /** Of its event loop since it started, beyond what a timer was to wait. */
  stalls(): Promise<{ readonly p99Ms: number; readonly maxMs: number }>;
  metric(name: string): Promise<number>;
  /** In good order: the lease is released. */
  stop(): Promise<void>;
}

/** What Node allows itself in a container with the chart's memory limit of 512 MiB. */
const HEAP_MIB = 268;

/** Returns the folder with `controller.mjs`. */
export async function bundleController(dir: string): Promise<string> {
  await build({ ...bundleOptions({ controller: ENTRIES.controller }), outdir: dir });
  return dir;
}

export interface ControllerSetup {
  readonly info: ApiServerInfo;
  readonly dir: string;
  readonly className: string;
  readonly namespace: string;
  readonly grpcPort?: number;
}

export async function startController(setup: ControllerSetup): Promise<MeasuredController> {
  const { info, dir, className, namespace } = setup;
  const [free, adminPort] = await freePorts(2);
  const grpcPort = setup.grpcPort ?? free!;
  const kubeconfig = join(dir, `${className}.kubeconfig`);
  const stalls = join(dir, `${className}-${adminPort}.stalls.json`);
  await writeFile(kubeconfig, configFor(info, info.adminToken, info.url, namespace).exportConfig());
  const child = spawn(
    process.execPath,
    [
      `--max-heap-size=${HEAP_MIB}`,
      '--import',
      join(import.meta.dirname, 'stalls.mjs'),
      join(dir, 'controller.mjs'),
      'controller',
      `--kubeconfig=${kubeconfig}`,
      `--class=${className}`,
      `--namespace=${namespace}`,
      `--grpc=127.0.0.1:${grpcPort}`,
      `--admin=127.0.0.1:${adminPort}`,
    ],
    { stdio: ['ignore', 'ignore', 'ignore'], env: { ...process.env, BENCH_STALLS: stalls } },
  );
  process.once('exit', () => child.kill('SIGKILL'));
  const page = async (path: string): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${adminPort}${path}`);
    if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
    return response.text();
  };
  const metric = async (name: string): Promise<number> => {
    const line = (await page('/metrics')).split('\n').find((each) => each.startsWith(`${name} `));
    return Number(line?.split(' ')[1]);
  };
  await eventually(
    'the controller leads',
    async () => (await metric('evenkeel_controller_leading')) === 1,
    60_000,
  );
  return {
    grpcPort,
    metric,
    cpuSeconds: () => cpuSeconds(child.pid!),
    async memory() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      const mib = (field: string): number =>
        Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1_024;
      return { nowMiB: mib('VmRSS'), mostMiB: mib('VmHWM') };
    },
    async stalls() {
      return JSON.parse(await readFile(stalls, 'utf8')) as { p99Ms: number; maxMs: number };
    },
    stop: () => stop(child),
  };
}

/** Seconds of all threads of a process, user and system. */
export async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
