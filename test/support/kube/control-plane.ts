import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import type { PoolStatus } from '../../../api/pool.gen.ts';
import type { KubeObject } from '../../../controller/kube/objects.ts';
import { POOLS } from '../../../controller/kube/objects.ts';
import { runController, type Controller, type ControllerOptions } from '../../../controller/main.ts';
import { systemClock } from '../../../lib/clock.ts';
import type { SnapshotSink } from '../../../proxy/sync/sink.ts';
import { startProxySync, type ProxySync } from '../../../proxy/sync/sync.ts';
import type { StreamTrust } from '../../../proxy/sync/trust-files.ts';
import { eventually } from '../eventually.ts';
import { RecordingSink } from '../recording-sink.ts';
import { seededRng } from '../seeded-rng.ts';
import type { ApiServerInfo } from './api-server.ts';
import { cluster, type Cluster } from './cluster.ts';
import { configFor } from './config.ts';
import { installCrd } from './crd.ts';

export const quiet = pino({ level: process.env['TEST_LOG'] ?? 'silent' });

export interface PoolObject extends KubeObject {
  readonly status?: PoolStatus;
}

export interface SimulatedProxy {
  readonly sink: RecordingSink;
  readonly sync: ProxySync;
}

/** Controllers and proxies of one test, with a class of their own. */
export interface ControlPlane {
  readonly kube: Cluster;
  readonly className: string;
  /** @param url absent: the API server itself */
  controller(options?: Partial<ControllerOptions>, url?: string): Promise<Controller>;
  /** A proxy as far as the controllers can tell. */
  proxy(
    name: string,
    controllers: readonly Pick<Controller, 'grpcPort'>[],
    trust?: StreamTrust,
  ): Promise<SimulatedProxy>;
  /** The stream of a proxy that is not simulated. */
  sync(
    name: string,
    controllers: readonly Pick<Controller, 'grpcPort'>[],
    sink: SnapshotSink,
    trust?: StreamTrust,
  ): Promise<ProxySync>;
  status(pool: string): Promise<PoolStatus>;
  /** Waits until the pool's condition is so; `status`, or `status/reason`. */
  condition(pool: string, type: string, wanted: string): Promise<PoolStatus>;
  /** Last first. */
  readonly ends: (() => Promise<unknown>)[];
  close(): Promise<void>;
}

/** @param server absent: the one that all tests share */
export async function controlPlane(server?: ApiServerInfo): Promise<ControlPlane> {
  const kube = await cluster(server);
  await installCrd(kube);
  const dir = await mkdtemp(join(tmpdir(), 'evenkeel-control-'));
  const className = kube.namespace;
  const ends: (() => Promise<unknown>)[] = [];
  const status = async (pool: string): Promise<PoolStatus> =>
    (await kube.get<PoolObject>(POOLS, pool)).status ?? {};
  const sync: ControlPlane['sync'] = async (name, controllers, sink, trust) => {
    const made = await startProxySync({
      controllers: controllers.map(({ grpcPort }) => `127.0.0.1:${grpcPort}`).join(','),
      name,
      version: 'test',
      stateDir: join(dir, name),
      sink,
      clock: systemClock,
      rng: seededRng(5),
      log: quiet,
      ...trust,
    });
    ends.push(() => made.close());
    return made;
  };
  return {
    kube,
    className,
    ends,
    async controller(options = {}, url) {
      const controller = await runController({
        kubeconfig: configFor(kube.info, kube.info.adminToken, url, kube.namespace),
        className,
        grpc: '127.0.0.1:0',
        admin: { admin: '127.0.0.1:0' },
        deniedCidrs: [],
        leaseTiming: { leaseMs: 2_000, renewDeadlineMs: 1_000, retryMs: 200 },
        watchTiming: { backoffMs: 50, backoffMaxMs: 500 },
        statusLimits: { transitionMs: 100, detailsMs: 500 },
        log: quiet,
        ...options,
      });
      ends.push(() => controller.close());
      return controller;
    },
    sync,
    async proxy(name, controllers, trust) {
      const sink = new RecordingSink();
      return { sink, sync: await sync(name, controllers, sink, trust) };
    },
    status,
    condition: (pool, type, wanted) =>
      eventually(`${pool}: ${type} is ${wanted}`, async () => {
        const now = await status(pool);
        const found = now.conditions?.find((each) => each.type === type);
        const is = `${found?.status}/${found?.reason}`;
        if (is === wanted || found?.status === wanted) return now;
        throw new Error(`it is ${is}: ${found?.message}`);
      }),
    async close() {
      for (const end of ends.reverse()) await end();
      await kube.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
