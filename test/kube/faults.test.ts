import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import { ENDPOINT_SLICES, POOLS, SERVICES } from '../../controller/kube/objects.ts';
import { eventually } from '../support/eventually.ts';
import { faultProxy, isList, type FaultProxy, type SeenRequest } from '../support/fault-proxy.ts';
import { describeKube } from '../support/kube/cluster.ts';
import { controlPlane, type ControlPlane, type SimulatedProxy } from '../support/kube/control-plane.ts';
import { spawnController, type ControllerProcess } from '../support/kube/controller-process.ts';
import { poolObject, serviceObject, sliceObject } from '../support/kube/objects.ts';
import { seededRng } from '../support/seeded-rng.ts';

const isStatusPatch = ({ method, url }: SeenRequest): boolean =>
  method === 'PATCH' && url.includes('/status');

describeKube('the control plane under faults', () => {
  let plane: ControlPlane;

  beforeEach(async () => {
    plane = await controlPlane();
  });

  afterEach(() => plane.close());

  const faulty = async (): Promise<FaultProxy> => {
    const faults = await faultProxy(plane.kube.info);
    plane.ends.push(() => faults.close());
    return faults;
  };
  /** Every endpoint of the slice has this port: a snapshot with two ports in it is a torn one. */
  const slice = (name: string, port: number): Promise<unknown> =>
    plane.kube.apply(
      ENDPOINT_SLICES,
      sliceObject(`${name}-1`, name, { addresses: ['10.1.0.1', '10.1.0.2', '10.1.0.3'], port }),
    );
  const pool = async (name: string, listenerPort = 8080): Promise<void> => {
    await plane.kube.apply(SERVICES, serviceObject(name));
    await slice(name, 1_000);
    await plane.kube.apply(
      POOLS,
      poolObject(name, plane.className, {
        listeners: [{ name: 'web', protocol: 'HTTP', port: listenerPort }],
      }),
    );
  };
  const snapshotOf = (proxy: SimulatedProxy, name: string): PoolSnapshot | undefined =>
    [...proxy.sink.serving.values()].find((snapshot) => snapshot.name === name);
  const ports = (snapshot: PoolSnapshot | undefined): number[] => [
    ...new Set((snapshot?.endpoints['v1'] ?? []).map(({ port }) => port)),
  ];
  const servesPort = (proxy: SimulatedProxy, name: string, port: number): Promise<true> =>
    eventually(`${name} at ${port}`, () => ports(snapshotOf(proxy, name)).join() === String(port));

  it('outlives the API server, and has caught up without a list soon after it is back', async () => {
    // I03, R10
    const faults = await faulty();
    const controller = await plane.controller({}, faults.url);
    const proxy = await plane.proxy('one', [controller]);
    await pool('shop');
    await plane.condition('shop', 'Programmed', 'True');
    const lists = faults.seen.filter(isList).length;
    faults.cut();
    await slice('shop', 2_000);
    await eventually('it leads no longer', () => !controller.leading);
    await delay(1_500);
    expect(ports(snapshotOf(proxy, 'shop'))).toEqual([1_000]);
    expect(proxy.sync.connected).toBe(1);
    faults.restore();
    const back = performance.now();
    await servesPort(proxy, 'shop', 2_000);
    expect(performance.now() - back).toBeLessThan(4_000);
    expect(faults.seen.filter(isList)).toHaveLength(lists);
    await plane.condition('shop', 'Programmed', 'True');
  });

  it('keeps pushing while status cannot be written, and writes it when it can', async () => {
    // I18
    const faults = await faulty();
    const controller = await plane.controller({}, faults.url);
    const proxy = await plane.proxy('one', [controller]);
    for (const [status, reason] of [
      [500, 'InternalError'],
      [429, 'TooManyRequests'],
      [403, 'Forbidden'],
      [409, 'Conflict'],
    ] as const) {
      faults.answer(isStatusPatch, { status, reason });
      await pool(`p${status}`, 8_000 + status);
      await servesPort(proxy, `p${status}`, 1_000);
      await slice(`p${status}`, 2_000);
      await servesPort(proxy, `p${status}`, 2_000);
      await eventually('tried', () =>
        faults.seen.some((seen) => isStatusPatch(seen) && seen.url.includes(`p${status}/`)),
      );
      faults.restore();
      await plane.condition(`p${status}`, 'Programmed', 'True');
    }
  });

  it('writes its status beside others who change the same pool', async () => {
    // I18
    const controller = await plane.controller();
    await plane.proxy('one', [controller]);
    await pool('shop');
    for (let i = 0; i < 20; i += 1) {
      const labelled = poolObject('shop', plane.className);
      await plane.kube.apply(POOLS, {
        ...labelled,
        metadata: { name: 'shop', labels: { round: String(i) } },
      });
      await slice('shop', 2_000 + i);
    }
    const status = await plane.condition('shop', 'Programmed', 'True');
    expect(status.conditions).toHaveLength(6);
  });

  it('serves good pools beside one that it cannot serve', async () => {
    // I07, I13
    const controller = await plane.controller();
    const proxy = await plane.proxy('one', [controller]);
    const { kube, className } = plane;
    await kube.apply(
      POOLS,
      poolObject('nowhere', className, { listeners: [{ name: 'web', protocol: 'HTTP', port: 8081 }] }),
    );
    await kube.apply(
      POOLS,
      poolObject('odd', className, {
        listeners: [{ name: 'web', protocol: 'HTTP', port: 8082 }],
        routes: [
          {
            name: 'r',
            matches: [{ path: { type: 'Exact', value: '/"../__proto__' } }],
            backendRefs: [{ name: 'v1' }],
          },
        ],
      }),
    );
    await pool('good', 8083);
    await servesPort(proxy, 'good', 1_000);
    await plane.condition('nowhere', 'ResolvedRefs', 'False/ServiceNotFound');
    await plane.condition('good', 'Programmed', 'True');
  });

  it('gives a port to the older of two pools, and tells the younger, whoever leads', async () => {
    // J13
    const first = await plane.controller();
    const proxy = await plane.proxy('one', [first]);
    const tcp = { listeners: [{ name: 'l', protocol: 'TCP', port: 7_000 }] };
    const { kube, className } = plane;
    await kube.apply(SERVICES, serviceObject('older'));
    await kube.apply(SERVICES, serviceObject('younger'));
    await kube.apply(POOLS, poolObject('older', className, tcp));
    await delay(1_100); // creation times are whole seconds
    await kube.apply(POOLS, poolObject('younger', className, tcp));
    await plane.condition('older', 'Accepted', 'True');
    await plane.condition('younger', 'Accepted', 'False/PortConflict');
    expect(snapshotOf(proxy, 'younger')).toBeUndefined();
    await first.close();
    const second = await plane.controller();
    await eventually('leads', () => second.leading);
    await kube.delete(POOLS, 'older');
    await plane.condition('younger', 'Accepted', 'True');
  });

  it('never applies a stale or torn pool, nor loses a change, while controllers are killed at random', async () => {
    // I01, I02, I12
    const rng = seededRng(17);
    const { kube, className } = plane;
    const setup = { info: kube.info, namespace: kube.namespace, className };
    const controllers: ControllerProcess[] = await Promise.all(
      [0, 0].map((grpcPort) => spawnController({ ...setup, grpcPort })),
    );
    plane.ends.push(() => Promise.all(controllers.map((each) => each.kill())));
    const views = controllers.map(({ grpcPort }) => ({ grpcPort }));
    const proxies = await Promise.all(['one', 'two'].map((name) => plane.proxy(name, views)));
    const torn: string[] = [];
    const backward: string[] = [];
    for (const [i, proxy] of proxies.entries()) {
      let last = 0;
      proxy.sink.judge = (snapshot) => {
        const seen = ports(snapshot);
        if (seen.length > 1) torn.push(`proxy ${i}: ${seen.join()}`);
        const port = seen[0] ?? last;
        if (port < last) backward.push(`proxy ${i}: ${last} -> ${port}`);
        last = port;
        return { ok: true };
      };
    }
    await pool('shop');
    for (const proxy of proxies) await servesPort(proxy, 'shop', 1_000);
    let port = 1_000;
    const end = performance.now() + 10_000;
    let nextKill = performance.now() + 500;
    while (performance.now() < end) {
      port += 1;
      await slice('shop', port);
      await delay(15);
      if (performance.now() < nextKill) continue;
      const victim = Math.floor(rng() * controllers.length);
      const { grpcPort } = controllers[victim]!;
      await controllers[victim]!.kill();
      controllers[victim] = await spawnController({ ...setup, grpcPort });
      nextKill = performance.now() + 500 + rng() * 2_000;
    }
    for (const proxy of proxies) await servesPort(proxy, 'shop', port);
    expect(torn).toEqual([]);
    expect(backward).toEqual([]);
    await plane.condition('shop', 'Programmed', 'True');
  });
});
