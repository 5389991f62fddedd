import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CRDS, ENDPOINT_SLICES, POOLS, resourcePath, SERVICES } from '../../controller/kube/objects.ts';
import { eventually } from '../support/eventually.ts';
import { startApiServer, type ApiServer } from '../support/kube/api-server.ts';
import { apiServer, describeKube } from '../support/kube/cluster.ts';
import { controlPlane, type ControlPlane, type SimulatedProxy } from '../support/kube/control-plane.ts';
import { installCrd } from '../support/kube/crd.ts';
import { poolObject, serviceObject, sliceObject } from '../support/kube/objects.ts';

interface Crd {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly versions: { schema: { openAPIV3Schema: { properties: { spec: { properties: object } } } } }[];
  };
}

const NAME = 'loadbalancerpools.evenkeel.dev';

/** With an API server of its own: the CRD is everybody's. */
describeKube('the CRD, changed while controllers run', () => {
  let server: ApiServer;
  let plane: ControlPlane;
  let proxy: SimulatedProxy;

  beforeEach(async () => {
    server = await startApiServer(apiServer!.binaries);
    plane = await controlPlane(server);
    const controller = await plane.controller();
    proxy = await plane.proxy('one', [controller]);
    await plane.kube.apply(SERVICES, serviceObject('shop'));
    await slice(1_000);
    await plane.kube.apply(POOLS, poolObject('shop', plane.className));
    await plane.condition('shop', 'Programmed', 'True');
  });

  afterEach(async () => {
    await plane.close();
    await server.stop();
  });

  const slice = (port: number): Promise<unknown> =>
    plane.kube.apply(ENDPOINT_SLICES, sliceObject('shop-1', 'shop', { addresses: ['10.1.0.1'], port }));
  const serves = (port: number): Promise<true> =>
    eventually(`serves port ${port}`, () =>
      [...proxy.sink.serving.values()].some(({ endpoints }) => endpoints['v1']?.[0]?.port === port),
    );

  it('may have a field that this version does not know', async () => {
    // I17
    const { kube, className } = plane;
    const text = await readFile(join(import.meta.dirname, '../../crds/loadbalancerpools.yaml'), 'utf8');
    const crd = parse(text) as Crd;
    const { spec } = crd.spec.versions[0]!.schema.openAPIV3Schema.properties;
    spec.properties = { ...spec.properties, fromTheFuture: { type: 'string', maxLength: 64 } };
    await kube.admin.request('PATCH', resourcePath(CRDS, undefined, NAME), {
      query: { fieldManager: 'test', force: true },
      contentType: 'application/apply-patch+yaml',
      body: crd,
    });
    await eventually('the field is taken', async () => {
      await kube.apply(POOLS, poolObject('shop', className, { fromTheFuture: 'x' }));
      const { spec: stored } = await kube.get<{ metadata: never; spec: { fromTheFuture?: string } }>(
        POOLS,
        'shop',
      );
      return stored.fromTheFuture === 'x';
    });
    await slice(2_000);
    await serves(2_000);
    await eventually('its status is of this generation', async () => {
      const { observedGeneration = 0 } = await plane.status('shop');
      return observedGeneration > 1;
    });
    await plane.condition('shop', 'Programmed', 'True');
  });

  it('may be deleted, with every pool, and come back: what is served goes on', async () => {
    // I17
    const { kube, className } = plane;
    const [uid] = [...proxy.sink.serving.keys()];
    await kube.admin.request('DELETE', resourcePath(CRDS, undefined, NAME));
    await eventually('the pools are gone', () =>
      kube.admin.request('GET', resourcePath(POOLS)).then(
        () => false,
        (error: { status?: number }) => error.status === 404,
      ),
    );
    await slice(2_000);
    await serves(2_000);
    expect([...proxy.sink.serving.keys()]).toEqual([uid]);

    await installCrd(kube);
    await kube.apply(POOLS, poolObject('shop', className));
    await plane.condition('shop', 'Programmed', 'True');
    await eventually('the new pool in place of the old', () => !proxy.sink.serving.has(uid!));
    await serves(2_000);
  });
});
