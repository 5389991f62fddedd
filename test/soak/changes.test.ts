import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ENDPOINT_SLICES, POOLS, SERVICES, type Resource } from '../../controller/kube/objects.ts';
import { startCommand } from '../support/command.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { startApiServer } from '../support/kube/api-server.ts';
import { findBinaries } from '../support/kube/binaries.ts';
import { configFor } from '../support/kube/config.ts';
import { controlPlane, type ControlPlane } from '../support/kube/control-plane.ts';
import { poolObject, serviceObject, sliceObject } from '../support/kube/objects.ts';

/** How long it goes on; a day shows most. */
const MINUTES = Number(process.env['SOAK_MINUTES'] ?? 60);
const PER_SECOND = 10;
/** Each with a Service and a slice; one in five changes makes one anew or takes one away. */
const POOLS_AT_A_TIME = 20;
const SAMPLE_MS = 5_000;
/** Of a slope that is real; garbage that is not collected yet comes and goes by more. */
const MAX_KIB_AN_HOUR = 1_024;
const GARBAGE_KIB = 24 * 1_024;

const binaries = await findBinaries((line) => process.stderr.write(`${line}\n`));

// CATALOGUE I23
describe.skipIf(binaries === undefined)('a controller over hours of changes', () => {
  it(
    'keeps what the API server has, and no more memory for it',
    async () => {
      const server = await startApiServer(binaries!);
      const folder = await mkdtemp(join(tmpdir(), 'evenkeel-soak-'));
      const plane = await controlPlane(server);
      const { kube, className } = plane;
      const [grpcPort, adminPort] = (await freePorts(2)) as [number, number];
      const kubeconfig = join(folder, 'kubeconfig');
      await writeFile(
        kubeconfig,
        configFor(server, server.adminToken, server.url, kube.namespace).exportConfig(),
      );
      const at = ['--grpc', `127.0.0.1:${grpcPort}`, '--admin', `127.0.0.1:${adminPort}`];
      const controller = startCommand(
        ['controller', '--kubeconfig', kubeconfig, '--class', className, '--log-level', 'warn', ...at],
        {},
      );
      try {
        await plane.proxy('one', [{ grpcPort }]);
        const memory: number[] = [];
        const end = performance.now() + MINUTES * 60_000;
        let nextSample = performance.now();
        for (let n = 0; performance.now() < end; n++) {
          const started = performance.now();
          await change(plane, n);
          if (performance.now() >= nextSample) {
            memory.push(memoryKiB(controller.child.pid!));
            nextSample += SAMPLE_MS;
          }
          await delay(Math.max(0, started + 1_000 / PER_SECOND - performance.now()));
        }
        for (const resource of [SERVICES, ENDPOINT_SLICES, POOLS]) {
          const wanted = await countOf(plane, resource);
          await eventually(`all ${resource.plural} are known`, async () => {
            const kept = await keptBy(adminPort, resource);
            if (kept !== wanted) throw new Error(`${kept} are kept of ${wanted}`);
            return true;
          });
        }
        // Half of the time is for warming up; the least of each part is what is left of it after a collection.
        const [earlier, later] = [
          memory.slice(memory.length / 2, memory.length * 0.75),
          memory.slice(-memory.length / 4),
        ];
        const grownKiB = Math.min(...later) - Math.min(...earlier);
        const hours = MINUTES / 60 / 4;
        process.stdout.write(
          `KiB at ${PER_SECOND} changes/s over ${MINUTES} min: ${memory.filter((_, i) => i % 12 === 0).join(' ')}; ` +
            `grown by ${grownKiB} in the last quarter\n`,
        );
        expect(grownKiB).toBeLessThan(GARBAGE_KIB + MAX_KIB_AN_HOUR * hours);
      } finally {
        controller.child.kill('SIGKILL');
        await controller.ended();
        await plane.close();
        await server.stop();
        await rm(folder, { recursive: true, force: true });
      }
    },
    (MINUTES + 5) * 60_000,
  );
});

/** The n-th change: endpoints of a pool come and go, and now and then the whole pool does. */
async function change({ kube, className }: ControlPlane, n: number): Promise<void> {
  const place = n % POOLS_AT_A_TIME;
  const turn = Math.floor(n / POOLS_AT_A_TIME);
  const name = `p${place}-${Math.floor(turn / 5)}`;
  const addresses = Array.from({ length: 10 }, (_, i) => `10.${place}.${turn % 250}.${i + 1}`);
  if (turn % 5 === 0) {
    const listeners = [{ name: 'web', protocol: 'HTTP', port: 8_000 + place }];
    await kube.apply(SERVICES, serviceObject(name));
    await kube.apply(POOLS, poolObject(name, className, { listeners }));
  }
  await kube.apply(ENDPOINT_SLICES, sliceObject(`${name}-1`, name, { addresses, port: 8080 }));
  if (turn % 5 !== 4) return;
  await kube.delete(POOLS, name);
  await kube.delete(ENDPOINT_SLICES, `${name}-1`);
  await kube.delete(SERVICES, name);
}

function memoryKiB(pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** In the whole cluster, of what a controller watches. */
async function countOf({ kube }: ControlPlane, { groupVersion, plural }: Resource): Promise<number> {
  const query = plural === ENDPOINT_SLICES.plural ? { labelSelector: 'kubernetes.io/service-name' } : {};
  const list = await kube.admin.request<{ items: unknown[] }>('GET', `${groupVersion}/${plural}`, { query });
  return list.items.length;
}

async function keptBy(adminPort: number, { plural }: Resource): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return Number(new RegExp(`^evenkeel_controller_objects\\{kind="${plural}"\\} (\\d+)`, 'm').exec(page)?.[1]);
}
