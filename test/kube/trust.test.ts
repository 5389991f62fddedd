import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createKubeClient } from '../../controller/kube/client.ts';
import {
  CONFIG_MAPS,
  PODS,
  POOLS,
  SECRETS,
  type KubeObject,
  type Resource,
} from '../../controller/kube/objects.ts';
import type { Controller } from '../../controller/main.ts';
import { TokenReviewer } from '../../controller/trust/tokens.ts';
import { systemClock } from '../../lib/clock.ts';
import { trustFiles } from '../../proxy/sync/trust-files.ts';
import { TestAuthority } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { faultProxy } from '../support/fault-proxy.ts';
import { describeKube } from '../support/kube/cluster.ts';
import { configFor } from '../support/kube/config.ts';
import {
  controlPlane,
  quiet,
  type ControlPlane,
  type SimulatedProxy,
} from '../support/kube/control-plane.ts';
import { poolObject } from '../support/kube/objects.ts';

const ACCOUNTS: Resource = { groupVersion: '/api/v1', plural: 'serviceaccounts' };

interface Bundle extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

describeKube('trust between controllers and proxies', () => {
  let plane: ControlPlane;
  let dir: string;
  let controller: Controller;

  beforeEach(async () => {
    plane = await controlPlane();
    dir = await mkdtemp(join(tmpdir(), 'evenkeel-trust-'));
    const { kube } = plane;
    for (const name of ['proxy', 'other']) {
      await kube.apply(ACCOUNTS, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } });
    }
    for (const name of ['proxy-1', 'proxy-2']) {
      const spec = { serviceAccountName: 'proxy', containers: [{ name: 'c', image: 'i' }] };
      await kube.apply(PODS, { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec });
    }
    controller = await plane.controller({
      trust: { secret: 'ca', configMap: 'ca-bundle', proxyServiceAccounts: [`${kube.namespace}/proxy`] },
    });
    await kube.apply(POOLS, poolObject('shop', plane.className));
    const bundle = await eventually(
      'the bundle',
      async () => (await kube.get<Bundle>(CONFIG_MAPS, 'ca-bundle')).data,
    );
    await writeFile(join(dir, 'ca.crt'), bundle['ca.crt']!);
  });

  afterEach(async () => {
    await plane.close();
    await rm(dir, { recursive: true });
  });

  const token = async (account: string, pod?: string, audience = 'evenkeel-controller'): Promise<string> => {
    const boundObjectRef = pod === undefined ? undefined : { kind: 'Pod', apiVersion: 'v1', name: pod };
    const path = `/api/v1/namespaces/${plane.kube.namespace}/serviceaccounts/${account}/token`;
    const { status } = await plane.kube.admin.request<{ status: { token: string } }>('POST', path, {
      body: { spec: { audiences: [audience], expirationSeconds: 600, boundObjectRef } },
    });
    return status.token;
  };
  const proxy = async (
    name: string,
    shown: string,
    caFile = join(dir, 'ca.crt'),
  ): Promise<SimulatedProxy> => {
    const tokenFile = join(dir, `${name}-${Math.random()}.token`);
    await writeFile(tokenFile, shown);
    return plane.proxy(name, [controller], trustFiles({ caFile, tokenFile }));
  };
  const connects = (one: SimulatedProxy): Promise<true> =>
    eventually('connected', () => one.sync.connected === 1);

  it('lets a proxy in by the token that its pod is bound to', async () => {
    const one = await proxy('proxy-1', await token('proxy', 'proxy-1'));
    await connects(one);
    await eventually('the pool', () => one.sink.serving.size === 1);
    const secret = await plane.kube.get<Bundle>(SECRETS, 'ca');
    expect(Object.keys(secret.data!).sort()).toEqual(['ca.crt', 'ca.key', 'tickets.secret', 'tickets.since']);
  });

  it('can be by certificates on both sides, made elsewhere, and takes up new ones while it runs', async () => {
    const folders = { controller: join(dir, 'controller'), proxy: join(dir, 'proxy') };
    const write = async (folder: string, authority: TestAuthority, name: string): Promise<void> => {
      const { chain, privateKey } = await authority.issue({ names: [name] });
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'tls.crt'), chain);
      await writeFile(join(folder, 'tls.key'), privateKey);
      await writeFile(join(folder, 'ca.crt'), authority.certificate);
    };
    const first = await TestAuthority.create('first');
    await write(folders.controller, first, 'evenkeel-controller');
    await write(folders.proxy, first, 'evenkeel-proxy');
    await write(join(dir, 'strange'), await TestAuthority.create('strange'), 'evenkeel-proxy');
    const { namespace } = plane.kube;
    const trust = { secret: 'ca', configMap: 'ca-bundle', proxyServiceAccounts: [`${namespace}/proxy`] };
    await controller.close();
    const mutual = await plane.controller({ trust: { ...trust, tlsFolder: folders.controller } });
    const tokenFile = join(dir, 'token');
    await writeFile(tokenFile, await token('proxy', 'proxy-1'));
    const caFile = join(folders.proxy, 'ca.crt');
    const open = (tlsFolder?: string): Promise<SimulatedProxy> =>
      plane.proxy(
        'proxy-1',
        [mutual],
        trustFiles({ caFile, tokenFile, ...(tlsFolder === undefined ? {} : { tlsFolder }) }),
      );
    const refused = [await open(), await open(join(dir, 'strange'))];
    const one = await open(folders.proxy);
    await connects(one);
    expect(refused.map(({ sync }) => sync.connected)).toEqual([0, 0]);
    await one.sync.close();
    const second = await TestAuthority.create('second');
    await write(folders.controller, second, 'evenkeel-controller');
    await write(folders.proxy, second, 'evenkeel-proxy');
    await connects(await open(folders.proxy));
  });

  it('knows proxies by the keys of the API server while that is away', async () => {
    const faults = await faultProxy(plane.kube.info);
    plane.ends.push(() => faults.close());
    const client = createKubeClient(configFor(plane.kube.info, plane.kube.info.adminToken, faults.url));
    plane.ends.push(() => client.close());
    const reviewer = new TokenReviewer({
      client,
      audience: 'evenkeel-controller',
      serviceAccounts: [`${plane.kube.namespace}/proxy`],
      clock: systemClock,
      log: quiet,
    });
    const good = await token('proxy', 'proxy-1');
    const wrong = [
      await token('proxy', 'proxy-1', 'other'),
      await token('other'),
      `${good.slice(0, -8)}AAAAAAAA`,
      `${good.split('.')[0]}.${good.split('.')[1]}.`,
    ];
    await reviewer.fetchKeys();
    expect(await reviewer.podOf(good)).toBe('proxy-1');
    for (const bad of wrong) expect(await reviewer.podOf(bad)).toBeUndefined();
    faults.cut();
    expect(await reviewer.podOf(good)).toBe('proxy-1');
    for (const bad of wrong) expect(await reviewer.podOf(bad)).toBeUndefined();
  });

  it('refuses to serve in clear beyond loopback', async () => {
    // J09
    await expect(plane.controller({ grpc: '0.0.0.0:0' })).rejects.toThrow('stays on loopback');
  });
});
