import { setTimeout as delay } from 'node:timers/promises';
import pino from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createKubeClient, type KubeClient } from '../../controller/kube/client.ts';
import { ListWatch, type ListWatchTiming } from '../../controller/kube/list-watch.ts';
import { CONFIG_MAPS, resourcePath, type KubeObject } from '../../controller/kube/objects.ts';
import { systemClock } from '../../lib/clock.ts';
import { eventually } from '../support/eventually.ts';
import { faultProxy, isList, isWatch, type FaultProxy } from '../support/fault-proxy.ts';
import { cluster, describeKube, type Cluster } from '../support/kube/cluster.ts';
import { configFor } from '../support/kube/config.ts';
import { seededRng } from '../support/seeded-rng.ts';

interface Item extends KubeObject {
  readonly data?: { readonly v?: string };
}

describeKube('ListWatch', () => {
  let kube: Cluster;
  let faults: FaultProxy;
  let client: KubeClient;
  let listWatch: ListWatch<Item>;
  let held: Map<string, string>;
  let replaced: number;
  let ends: string[];

  beforeEach(async () => {
    kube = await cluster();
    faults = await faultProxy(kube.info);
    client = createKubeClient(configFor(kube.info, kube.info.adminToken, faults.url));
    held = new Map();
    replaced = 0;
    ends = [];
  });

  afterEach(async () => {
    faults.restore();
    await listWatch.stop();
    await client.close();
    await faults.close();
    await kube.close();
  });

  const begin = (timing: Partial<ListWatchTiming> = {}): void => {
    listWatch = new ListWatch<Item>({
      client,
      path: resourcePath(CONFIG_MAPS, kube.namespace),
      trim: (object) => object,
      sink: {
        replace(items) {
          replaced += 1;
          held = new Map(items.map((item) => [item.metadata.name, item.data?.v ?? '']));
        },
        put: (item) => held.set(item.metadata.name, item.data?.v ?? ''),
        remove: (item) => held.delete(item.metadata.name),
      },
      clock: systemClock,
      rng: seededRng(7),
      log: pino({ level: 'silent' }),
      observe: { listed: () => undefined, restarted: (_, why) => ends.push(why) },
      timing: { backoffMs: 50, backoffMaxMs: 400, ...timing },
    });
    listWatch.start();
  };

  const put = (name: string, v: string): Promise<unknown> =>
    kube.apply(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { v } });
  const holds = (name: string, v: string | undefined): Promise<true> =>
    eventually(`${name} is ${v}`, () => held.get(name) === v || undefined);

  it('lists page by page, then follows every change', async () => {
    for (let i = 0; i < 7; i += 1) await put(`c${i}`, 'a');
    begin({ pageSize: 3 });
    await listWatch.synced;
    expect([...held.keys()].sort()).toEqual(['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6']);
    await put('c1', 'b');
    await kube.delete(CONFIG_MAPS, 'c2');
    await holds('c1', 'b');
    await holds('c2', undefined);
    expect(replaced).toBe(1);
  });

  it('goes on where it was when the server was gone, without a list', async () => {
    // I03
    begin();
    await listWatch.synced;
    await put('c', 'a');
    await holds('c', 'a');
    faults.cut();
    await put('c', 'b');
    await kube.delete(CONFIG_MAPS, 'c');
    await put('d', 'a');
    await eventually('some failures', () => ends.length >= 3 || undefined);
    faults.restore();
    await holds('d', 'a');
    await holds('c', undefined);
    expect(faults.seen.filter(isList)).toHaveLength(1);
  });

  it('lists once when its resource version has expired', async () => {
    // I03
    begin();
    await listWatch.synced;
    await put('c', 'a');
    await holds('c', 'a');
    faults.answer(isWatch, { status: 410, reason: 'Expired' });
    faults.reset();
    await eventually('a list', () => faults.seen.filter(isList).length >= 2 || undefined);
    await kube.delete(CONFIG_MAPS, 'c');
    faults.restore();
    await holds('c', undefined);
    expect(ends).toContain('expired');
  });

  it('notices a watch that went silent, and loses nothing', async () => {
    // I04
    begin({ watchMinMs: 900, watchMaxMs: 1_000, watchdogMs: 300 });
    await listWatch.synced;
    await put('c', 'a');
    await holds('c', 'a');
    faults.stall();
    await put('c', 'b');
    await eventually('the watchdog', () => ends.includes('silent') || undefined);
    faults.reset();
    faults.restore();
    await holds('c', 'b');
  });

  it('lists not at all, and watches with back-off, when watches are cut at once', async () => {
    // I05
    begin();
    await listWatch.synced;
    const until = performance.now() + 1_500;
    while (performance.now() < until) {
      faults.reset();
      await delay(100);
    }
    expect(faults.seen.filter(isList)).toHaveLength(1);
    expect(faults.seen.filter(isWatch).length).toBeLessThan(20);
    await put('c', 'a');
    await holds('c', 'a');
  });

  it('lists anew when an event comes twice or out of order', async () => {
    // I06
    await put('c', 'a');
    const pending: string[] = [];
    faults.rewrite(isWatch, (line) => {
      pending.push(line);
      return pending.length < 2 ? [] : pending.splice(0).reverse();
    });
    begin();
    await listWatch.synced;
    await put('c', 'b');
    await kube.delete(CONFIG_MAPS, 'c');
    await eventually('disorder', () => ends.includes('disordered') || undefined);
    faults.restore();
    await holds('c', undefined);
    await put('c', 'z');
    await holds('c', 'z');
  });

  it('forgets what a missed DELETE left behind at the next list', async () => {
    // I06
    await put('c', 'a');
    faults.rewrite(isWatch, (line) => (line.includes('"DELETED"') ? [] : [line]));
    begin();
    await listWatch.synced;
    await kube.delete(CONFIG_MAPS, 'c');
    await put('d', 'a');
    await holds('d', 'a');
    expect(held.get('c')).toBe('a');
    faults.answer(isWatch, { status: 410, reason: 'Expired' });
    faults.reset();
    await holds('c', undefined);
  });

  it('tries again after 429 and 500, as long as it takes', async () => {
    // I18
    faults.answer(isList, { status: 500, reason: 'InternalError' });
    begin();
    await eventually('tries', () => faults.seen.length >= 3 || undefined);
    faults.restore();
    faults.answer(isWatch, { status: 429, reason: 'TooManyRequests', retryAfterSeconds: 0 });
    await listWatch.synced;
    await put('c', 'a');
    await delay(1_000);
    expect(faults.seen.filter(isWatch).length).toBeLessThan(20);
    faults.restore();
    await holds('c', 'a');
  });

  it('calls nobody after stop, also when stopped during a list', async () => {
    faults.stall();
    begin();
    await eventually('the request', () => faults.seen.length > 0 || undefined);
    const stopping = listWatch.stop();
    faults.restore();
    await stopping;
    expect(replaced).toBe(0);
    expect(listWatch.hasSynced).toBe(false);
    expect(faults.seen.filter(isWatch)).toHaveLength(0);
  });
});
