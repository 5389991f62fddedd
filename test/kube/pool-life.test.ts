import { afterEach, beforeEach, expect, it } from 'vitest';
import type { EndpointReport } from '../../api/health.ts';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import { ENDPOINT_SLICES, PODS, POOLS, resourcePath, SERVICES } from '../../controller/kube/objects.ts';
import { eventually } from '../support/eventually.ts';
import { describeKube } from '../support/kube/cluster.ts';
import { controlPlane, type ControlPlane, type SimulatedProxy } from '../support/kube/control-plane.ts';
import { poolObject, serviceObject, sliceObject } from '../support/kube/objects.ts';

describeKube('a pool’s life', () => {
  let plane: ControlPlane;

  beforeEach(async () => {
    plane = await controlPlane();
  });

  afterEach(() => plane.close());

  const served = (proxy: SimulatedProxy, name: string): PoolSnapshot | undefined =>
    [...proxy.sink.serving.values()].find((snapshot) => snapshot.name === name);
  const addresses = (proxy: SimulatedProxy, name: string): string[] =>
    (served(proxy, name)?.endpoints['v1'] ?? []).map(({ address, port }) => `${address}:${port}`);
  const shop = async (addressList: readonly string[]): Promise<void> => {
    const { kube, className } = plane;
    await kube.apply(SERVICES, serviceObject('shop'));
    await kube.apply(ENDPOINT_SLICES, sliceObject('shop-1', 'shop', { addresses: addressList, port: 8080 }));
    await kube.apply(POOLS, poolObject('shop', className));
  };
  const healthy = (snapshot: PoolSnapshot): EndpointReport[] =>
    snapshot.endpoints['v1']!.map(({ address, port, targetUid }) => ({
      backend: 'v1',
      address,
      port,
      targetUid,
      verdict: { state: 'Healthy', source: 'Active', reason: 'CheckPassed', message: '', since: Date.now() },
    }));

  it('goes from the API server to every proxy and comes back as status', async () => {
    const controller = await plane.controller();
    const proxies = await Promise.all(['one', 'two'].map((name) => plane.proxy(name, [controller])));
    await shop(['10.1.0.1', '10.1.0.2']);
    for (const proxy of proxies) {
      await eventually('served', () => addresses(proxy, 'shop').length === 2);
      expect(addresses(proxy, 'shop')).toEqual(['10.1.0.1:8080', '10.1.0.2:8080']);
      proxy.sink.report(served(proxy, 'shop')!.uid, healthy(served(proxy, 'shop')!));
    }
    await plane.condition('shop', 'Programmed', 'True');
    const status = await plane.condition('shop', 'Available', 'True');
    expect(status.proxies).toMatchObject({ expected: 2, connected: 2, applied: 2, text: '2/2' });
    expect(status.summary).toMatchObject({ total: 2, healthy: 2, healthyText: '2/2', reason: '' });
    expect(status.endpoints).toHaveLength(2);
    expect(status.endpoints![0]).toMatchObject({ state: 'Healthy', seenBy: '2/2', backend: 'v1', zone: 'a' });
    expect(status.config!.digest).toBe(served(proxies[0]!, 'shop')!.digest);
    for (const { observedGeneration } of status.conditions!) expect(observedGeneration).toBe(1);
  });

  it('goes on when a slice has what only the API server takes: ports and names that there are not', async () => {
    // I08
    const controller = await plane.controller();
    const proxy = await plane.proxy('one', [controller]);
    await shop(['10.1.0.1']);
    for (const [name, port] of [
      ['shop-2', 70_000],
      ['shop-3', -1],
    ] as const) {
      await plane.kube.apply(ENDPOINT_SLICES, sliceObject(name, 'shop', { addresses: ['10.1.0.9'], port }));
    }
    const odd = sliceObject('shop-4', 'shop', { addresses: ['10.1.0.2'], port: 8080 });
    const targetRef = { kind: 'Pod', name: 'p'.repeat(1_000), uid: `a\n${'u'.repeat(100_000)}` };
    await plane.kube.apply(ENDPOINT_SLICES, {
      ...odd,
      endpoints: [{ addresses: ['10.1.0.2'], targetRef, zone: 'z'.repeat(200) }],
    });
    const { conditions } = await plane.condition('shop', 'ResolvedRefs', 'False');
    const found = conditions!.find(({ type }) => type === 'ResolvedRefs');
    expect(found).toMatchObject({ reason: 'InvalidEndpoint' });
    await eventually('served', () => addresses(proxy, 'shop').length === 2);
    expect(addresses(proxy, 'shop')).toEqual(['10.1.0.1:8080', '10.1.0.2:8080']);
    await plane.condition('shop', 'Programmed', 'True');
  });

  it('follows endpoints that come and go, and the Service’s own changes', async () => {
    const controller = await plane.controller();
    const proxy = await plane.proxy('one', [controller]);
    await shop(['10.1.0.1']);
    await eventually('one', () => addresses(proxy, 'shop').join() === '10.1.0.1:8080');
    const { kube } = plane;
    await kube.apply(ENDPOINT_SLICES, sliceObject('shop-2', 'shop', { addresses: ['10.1.0.9'], port: 8080 }));
    await eventually('two', () => addresses(proxy, 'shop').length === 2);
    await kube.delete(ENDPOINT_SLICES, 'shop-1');
    await eventually('the other', () => addresses(proxy, 'shop').join() === '10.1.0.9:8080');
    await plane.condition('shop', 'Programmed', 'True');
    await kube.delete(SERVICES, 'shop');
    await plane.condition('shop', 'ResolvedRefs', 'False/ServiceNotFound');
    await kube.apply(SERVICES, serviceObject('shop'));
    await plane.condition('shop', 'ResolvedRefs', 'True');
  });

  it('shows a proxy that refuses it, serves the last good, and recovers when it is mended', async () => {
    const controller = await plane.controller();
    const one = await plane.proxy('one', [controller]);
    const two = await plane.proxy('two', [controller]);
    await shop(['10.1.0.1']);
    await plane.condition('shop', 'Programmed', 'True');
    const before = served(two, 'shop')!;
    two.sink.judge = (snapshot) =>
      snapshot.config.listeners[0]!.port === 9999
        ? { ok: false, errors: [{ path: 'config.listeners[0].port', message: 'EADDRINUSE' }] }
        : { ok: true };
    const port = (to: number) => ({ listeners: [{ name: 'web', protocol: 'HTTP', port: to }] });
    await plane.kube.apply(POOLS, poolObject('shop', plane.className, port(9999)));
    const status = await plane.condition('shop', 'Programmed', 'False/Rejected');
    expect(status.conditions!.find(({ type }) => type === 'Programmed')!.message).toBe(
      'two: config.listeners[0].port: EADDRINUSE',
    );
    expect(status.config!.lastError).toContain('EADDRINUSE');
    expect(served(two, 'shop')).toBe(before);
    expect(served(one, 'shop')!.config.listeners[0]!.port).toBe(9999);
    await plane.kube.apply(POOLS, poolObject('shop', plane.className, port(8081)));
    const mended = await plane.condition('shop', 'Programmed', 'True');
    expect(mended.observedGeneration).toBe(3);
    expect(mended.config!.lastError).toBe('');
  });

  it('is taken from every proxy when it is deleted, and starts anew under its name', async () => {
    // I20, I21
    const controller = await plane.controller();
    const proxy = await plane.proxy('one', [controller]);
    await shop(['10.1.0.1']);
    await plane.condition('shop', 'Programmed', 'True');
    const { uid } = served(proxy, 'shop')!;
    await plane.kube.delete(POOLS, 'shop');
    await plane.kube.apply(POOLS, poolObject('shop', plane.className));
    await eventually('a new one', () => ![undefined, uid].includes(served(proxy, 'shop')?.uid));
    expect(proxy.sink.serving.has(uid)).toBe(false);
    await plane.condition('shop', 'Programmed', 'True');
    await plane.kube.delete(POOLS, 'shop');
    await eventually('gone', () => proxy.sink.serving.size === 0);
  });

  it('says that nobody serves it when there is no proxy, and who is missing when one goes', async () => {
    const controller = await plane.controller();
    await shop(['10.1.0.1']);
    await plane.condition('shop', 'Programmed', 'False/NoProxies');
    await plane.proxy('one', [controller]);
    const two = await plane.proxy('two', [controller]);
    await plane.condition('shop', 'Programmed', 'True');
    await plane.condition('shop', 'Redundant', 'True');
    await two.sync.close();
    const status = await plane.condition('shop', 'Programmed', 'False/ProxyStale');
    expect(status.conditions!.find(({ type }) => type === 'Programmed')!.message).toBe(
      'two is not connected',
    );
    expect(status.proxies).toMatchObject({ expected: 2, connected: 1, applied: 1, text: '1/2' });
    await plane.condition('shop', 'Redundant', 'False/SingleProxy');
  });

  it('is shown to the proxies of its class and to no others, whatever they ask for', async () => {
    // J11
    const { kube, className } = plane;
    const ours = await plane.controller();
    const theirs = await plane.controller({ className: `${className}-other` });
    const proxy = await plane.proxy('one', [ours]);
    const stranger = await plane.proxy('two', [theirs]);
    await shop(['10.1.0.1']);
    await kube.apply(POOLS, poolObject('other', `${className}-other`));
    await eventually('each has a pool', () => served(proxy, 'shop') && served(stranger, 'other'));
    await plane.condition('shop', 'Programmed', 'True');
    await plane.condition('other', 'Programmed', 'True');
    expect([...proxy.sink.serving.values()].map(({ name }) => name)).toEqual(['shop']);
    expect([...stranger.sink.serving.values()].map(({ name }) => name)).toEqual(['other']);
    expect((await plane.status('shop')).proxies).toMatchObject({ expected: 1, text: '1/1' });
  });

  it('expects the proxies whose pods are ready, also those without a stream', async () => {
    const { kube, className } = plane;
    const controller = await plane.controller({ proxySelector: 'app=proxy' });
    await plane.proxy('one', [controller]);
    await kube.apply(SERVICES, serviceObject('shop'));
    await kube.apply(POOLS, poolObject('shop', className));
    await plane.condition('shop', 'Programmed', 'True');
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'two', labels: { app: 'proxy' } } };
    await kube.apply(PODS, { ...pod, spec: { containers: [{ name: 'c', image: 'i' }] } });
    const path = `${resourcePath(PODS, kube.namespace, 'two')}/status`;
    const ready = { status: { conditions: [{ type: 'Ready', status: 'True' }] } };
    await kube.admin.request('PATCH', path, { body: ready, contentType: 'application/merge-patch+json' });
    const status = await plane.condition('shop', 'Programmed', 'False/ProxyStale');
    expect(status.conditions!.find(({ type }) => type === 'Programmed')!.message).toBe(
      'two is not connected',
    );
    expect(status.proxies!.text).toBe('1/2');
    const two = await plane.proxy('two', [controller]);
    await plane.condition('shop', 'Programmed', 'True');
    await two.sync.close();
    await plane.condition('shop', 'Programmed', 'False/ProxyStale');
    await kube.delete(PODS, 'two');
    const alone = await plane.condition('shop', 'Programmed', 'True'); // at once: nobody waits for it
    expect(alone.proxies!.text).toBe('1/1');
  });

  it('reports a backend’s health with its reason, first the endpoints in trouble', async () => {
    const controller = await plane.controller();
    const one = await plane.proxy('one', [controller]);
    const two = await plane.proxy('two', [controller]);
    await shop(['10.1.0.1', '10.1.0.2']);
    await plane.condition('shop', 'Programmed', 'True');
    const snapshot = served(one, 'shop')!;
    const fine = healthy(snapshot);
    const sick: EndpointReport[] = [
      fine[0]!,
      {
        ...fine[1]!,
        verdict: {
          state: 'Unhealthy',
          source: 'Active',
          reason: 'UnexpectedStatus',
          message: 'HTTP 500, wanted 200-299',
          since: Date.now(),
        },
      },
    ];
    one.sink.report(snapshot.uid, sick);
    two.sink.report(snapshot.uid, sick);
    const status = await plane.condition('shop', 'Degraded', 'True/EndpointsUnhealthy');
    expect(status.endpoints![0]).toMatchObject({
      address: '10.1.0.2',
      podName: 'shop-1-1',
      state: 'Unhealthy',
      reason: 'UnexpectedStatus',
      message: 'HTTP 500, wanted 200-299',
      seenBy: '2/2',
    });
    expect(status.summary).toMatchObject({ healthyText: '1/2', reason: 'EndpointsUnhealthy' });
    two.sink.report(snapshot.uid, fine);
    await plane.condition('shop', 'Degraded', 'True/ProxiesDisagree');
    one.sink.report(snapshot.uid, fine);
    await plane.condition('shop', 'Degraded', 'False/AsExpected');
  });
});
