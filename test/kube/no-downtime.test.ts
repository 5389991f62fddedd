import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ENDPOINT_SLICES, POOLS, SERVICES } from '../../controller/kube/objects.ts';
import { eventually } from '../support/eventually.ts';
import { faultProxy, isList } from '../support/fault-proxy.ts';
import { freePorts } from '../support/free-ports.ts';
import { describeKube } from '../support/kube/cluster.ts';
import { controlPlane, type ControlPlane } from '../support/kube/control-plane.ts';
import { spawnController } from '../support/kube/controller-process.ts';
import { poolObject, serviceObject, sliceObject } from '../support/kube/objects.ts';
import {
  namedBackend,
  OWN_ADDRESS,
  QUICK_CHECK,
  servingProxies,
  startTraffic,
  type NamedBackend,
  type Traffic,
} from '../support/kube/serving.ts';
import { seededRng } from '../support/seeded-rng.ts';

/** How much longer than it takes to see what is to be seen the API server stays away. */
const OUTAGE_MS = Number(process.env['OUTAGE_MINUTES'] ?? 0) * 60_000;

describeKube('traffic while the control plane fails', () => {
  let plane: ControlPlane;
  let port: number;

  beforeEach(async () => {
    plane = await controlPlane();
    [port] = (await freePorts(1)) as [number];
  });

  afterEach(() => plane.close());

  const slice = ({ name, port: to }: NamedBackend): Promise<unknown> =>
    plane.kube.apply(
      ENDPOINT_SLICES,
      sliceObject(`shop-${name}`, 'shop', { addresses: [OWN_ADDRESS], port: to }),
    );
  const shop = async (backends: readonly NamedBackend[]): Promise<void> => {
    await plane.kube.apply(SERVICES, serviceObject('shop'));
    for (const backend of backends) await slice(backend);
    await plane.kube.apply(
      POOLS,
      poolObject('shop', plane.className, {
        listeners: [{ name: 'web', protocol: 'HTTP', port }],
        healthCheck: { active: QUICK_CHECK },
      }),
    );
    await plane.condition('shop', 'Programmed', 'True');
    await plane.condition('shop', 'Available', 'True');
  };
  const traffic = async (): Promise<Traffic> => {
    const started = startTraffic(port);
    plane.ends.push(() => started.stop());
    return started;
  };
  /** Exactly these answer from now on. */
  const answeredBy = (to: Traffic, names: string): Promise<true> => {
    to.answeredBy();
    return eventually(`only ${names} answer`, async () => {
      await delay(300);
      return to.answeredBy() === names;
    });
  };

  it(
    'outlives the API server: nothing fails, health is acted upon, and each kind is listed once at most',
    async () => {
      // I03, R10
      const faults = await faultProxy(plane.kube.info);
      plane.ends.push(() => faults.close());
      const controller = await plane.controller({}, faults.url);
      const proxies = await servingProxies(plane, [controller]);
      const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => namedBackend(plane, name)));
      await shop([a!, b!]);
      const load = await traffic();
      await answeredBy(load, 'a,b');
      const listed = faults.seen.filter(isList).length;
      const epochs = proxies.map(({ sync }) => sync.epoch);

      faults.cut();
      await eventually('it leads no longer', () => !controller.leading);
      b!.health.status = 500;
      await answeredBy(load, 'a');
      await slice(c!);
      b!.health.status = 200;
      await answeredBy(load, 'a,b');
      await delay(OUTAGE_MS);
      expect(proxies.map(({ sync }) => sync.connected)).toEqual([1, 1]);

      faults.restore();
      await answeredBy(load, 'a,b,c');
      await plane.condition('shop', 'Programmed', 'True');
      await load.stop();
      expect(load.failed).toEqual([]);
      expect(load.ok).toBeGreaterThan(100);
      const kinds = faults.seen
        .filter(isList)
        .slice(listed)
        .map(({ url }) => url.split('?')[0]);
      expect(kinds).toEqual([...new Set(kinds)]);
      for (const [i, { sync }] of proxies.entries()) expect(sync.epoch).toBeGreaterThanOrEqual(epochs[i]!);
    },
    60_000 + OUTAGE_MS,
  );

  it('is answered with 503 when all endpoints go at once, the status says so, and it flows again with the first', async () => {
    // I09
    const controller = await plane.controller();
    await servingProxies(plane, [controller]);
    const backends = await Promise.all(['a', 'b'].map((name) => namedBackend(plane, name)));
    await shop(backends);
    const load = await traffic();
    await answeredBy(load, 'a,b');
    expect(load.failed).toEqual([]);
    for (const { name } of backends) await plane.kube.delete(ENDPOINT_SLICES, `shop-${name}`);
    await plane.condition('shop', 'Available', 'False/NoEndpoints');
    await plane.condition('shop', 'Programmed', 'True');
    await eventually('503', () =>
      load.failed.some((each) => each.includes('HTTP 503: 503 the backends have')),
    );
    expect(load.failed.filter((each) => !each.includes('HTTP 503'))).toEqual([]);
    await slice(backends[0]!);
    await answeredBy(load, 'a');
    await plane.condition('shop', 'Available', 'True');
    await load.stop();
  });

  it('fails nobody while controllers are killed at random and endpoints come and go', async () => {
    // I01, I02, R9
    const rng = seededRng(23);
    const { kube, className } = plane;
    const setup = { info: kube.info, namespace: kube.namespace, className };
    const controllers = await Promise.all([0, 0].map((grpcPort) => spawnController({ ...setup, grpcPort })));
    plane.ends.push(() => Promise.all(controllers.map((each) => each.kill())));
    const proxies = await servingProxies(
      plane,
      controllers.map(({ grpcPort }) => ({ grpcPort })),
    );
    const backends = await Promise.all(['a', 'b', 'c'].map((name) => namedBackend(plane, name)));
    await shop(backends);
    const load = await traffic();
    const first = proxies.map(({ sync }) => sync.epoch);
    const epochs = [...first];
    const backward: string[] = [];

    const away = new Set<NamedBackend>();
    const end = performance.now() + 10_000;
    let nextKill = performance.now() + 500;
    while (performance.now() < end) {
      const one = backends[Math.floor(rng() * backends.length)]!;
      if (away.delete(one)) await slice(one);
      else if (away.size < 2) {
        away.add(one);
        await kube.delete(ENDPOINT_SLICES, `shop-${one.name}`);
      }
      for (const [i, { sync }] of proxies.entries()) {
        if (sync.epoch < epochs[i]!) backward.push(`proxy ${i}: ${epochs[i]} -> ${sync.epoch}`);
        epochs[i] = sync.epoch;
      }
      await delay(30);
      if (performance.now() < nextKill) continue;
      const victim = Math.floor(rng() * controllers.length);
      const { grpcPort } = controllers[victim]!;
      await controllers[victim]!.kill();
      controllers[victim] = await spawnController({ ...setup, grpcPort });
      nextKill = performance.now() + 500 + rng() * 2_000;
    }
    const left = backends.filter((each) => !away.has(each)).map(({ name }) => name);
    await answeredBy(load, left.join());
    await plane.condition('shop', 'Programmed', 'True');
    await load.stop();
    expect(load.failed).toEqual([]);
    expect(load.ok).toBeGreaterThan(100);
    expect(backward).toEqual([]);
    for (const [i, { sync }] of proxies.entries()) expect(sync.epoch).toBeGreaterThan(first[i]!);
  }, 120_000);
});
