import { createPrivateKey } from 'node:crypto';
import { credentials, Metadata, type ChannelCredentials } from '@grpc/grpc-js';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CONFIG_MAPS, PODS, POOLS, type KubeObject, type Resource } from '../../controller/kube/objects.ts';
import type { Controller } from '../../controller/main.ts';
import { eventually } from '../support/eventually.ts';
import { cluster, describeKube, type Cluster } from '../support/kube/cluster.ts';
import { controlPlane, type ControlPlane } from '../support/kube/control-plane.ts';
import { knock } from '../support/kube/knock.ts';
import { poolObject } from '../support/kube/objects.ts';

const ACCOUNTS: Resource = { groupVersion: '/api/v1', plural: 'serviceaccounts' };
const AUDIENCE = 'evenkeel-controller';

interface WithData extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

interface Installation {
  readonly controller: Controller;
  /** Of a client that trusts this installation's controllers. */
  readonly trusting: ChannelCredentials;
}

/** Two installations in one cluster, each with a class and an account of its own. */
describeKube('the credentials of a proxy', () => {
  let plane: ControlPlane;
  let elsewhere: Cluster;
  let ours: Installation;
  let theirs: Installation;

  beforeAll(async () => {
    [plane, elsewhere] = await Promise.all([controlPlane(), cluster()]);
    for (const kube of [plane.kube, elsewhere]) {
      for (const account of ['proxy', 'their-proxy', 'default']) {
        await kube.apply(ACCOUNTS, {
          apiVersion: 'v1',
          kind: 'ServiceAccount',
          metadata: { name: account },
        });
        const spec = { serviceAccountName: account, containers: [{ name: 'c', image: 'i' }] };
        await kube.apply(PODS, { apiVersion: 'v1', kind: 'Pod', metadata: { name: `${account}-1` }, spec });
      }
    }
    ours = await install(plane.className, 'proxy');
    theirs = await install(`${plane.className}-theirs`, 'their-proxy');
    const port = (to: number) => ({ listeners: [{ name: 'web', protocol: 'HTTP', port: to }] });
    await plane.kube.apply(POOLS, poolObject('shop', plane.className, port(8080)));
    await plane.kube.apply(POOLS, poolObject('bank', `${plane.className}-theirs`, port(8081)));
  });

  afterAll(async () => {
    await plane.close();
    await elsewhere.close();
  });

  async function install(className: string, account: string): Promise<Installation> {
    const { kube } = plane;
    const [secret, configMap] = [`${account}-ca`, `${account}-ca-bundle`];
    const controller = await plane.controller({
      className,
      trust: { secret, configMap, proxyServiceAccounts: [`${kube.namespace}/${account}`] },
    });
    const bundle = await eventually(
      'the bundle',
      async () => (await kube.get<WithData>(CONFIG_MAPS, configMap)).data,
    );
    return { controller, trusting: credentials.createSsl(Buffer.from(bundle['ca.crt']!)) };
  }

  interface Wanted {
    readonly kube?: Cluster;
    readonly account?: string;
    /** That it is bound to; empty: to none. */
    readonly pod?: string;
    readonly audience?: string;
  }

  /** As the kubelet asks for it on behalf of a pod. */
  async function token({
    kube = plane.kube,
    account = 'proxy',
    pod = `${account}-1`,
    audience = AUDIENCE,
  }: Wanted = {}): Promise<string> {
    const boundObjectRef = pod === '' ? undefined : { kind: 'Pod', apiVersion: 'v1', name: pod };
    const path = `/api/v1/namespaces/${kube.namespace}/serviceaccounts/${account}/token`;
    const { status } = await kube.admin.request<{ status: { token: string } }>('POST', path, {
      body: { spec: { audiences: [audience], expirationSeconds: 600, boundObjectRef } },
    });
    return status.token;
  }

  /** Signed by the API server's own key, with claims of its own. @param expiresAt seconds since the epoch */
  async function signed(expiresAt: number): Promise<string> {
    const { namespace, info } = plane.kube;
    const [{ metadata: account }, { metadata: pod }] = await Promise.all([
      plane.kube.get(ACCOUNTS, 'proxy'),
      plane.kube.get(PODS, 'proxy-1'),
    ]);
    const claims = {
      'kubernetes.io': {
        namespace,
        serviceaccount: { name: 'proxy', uid: account.uid },
        pod: { name: 'proxy-1', uid: pod.uid },
      },
    };
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256' })
      .setIssuer('https://kubernetes.default.svc')
      .setAudience(AUDIENCE)
      .setSubject(`system:serviceaccount:${namespace}:proxy`)
      .setIssuedAt(expiresAt - 600)
      .setNotBefore(expiresAt - 600)
      .setExpirationTime(expiresAt)
      .sign(createPrivateKey(info.tokenKey));
  }

  const enter = (shown: string, { controller, trusting } = ours, name = 'proxy-1'): Promise<string> =>
    knock(controller.grpcPort, { name, token: shown, credentials: trusting });

  // J11
  it('open the streams of its own installation, and of no other', async () => {
    expect(await enter(await token())).toBe('welcome');
    expect(await enter(await token({ account: 'their-proxy' }), theirs, 'their-proxy-1')).toBe('welcome');
    expect(await enter(await token(), theirs)).toBe('UNAUTHENTICATED');
    expect(await enter(await token({ account: 'their-proxy' }), ours, 'their-proxy-1')).toBe(
      'UNAUTHENTICATED',
    );
  });

  // J10, J11
  it('are not the token of another account, audience or namespace, and not any token of the account', async () => {
    expect(await enter(await token({ account: 'default' }))).toBe('UNAUTHENTICATED');
    expect(await enter(await token({ audience: 'https://kubernetes.default.svc' }))).toBe('UNAUTHENTICATED');
    expect(await enter(await token({ kube: elsewhere }))).toBe('UNAUTHENTICATED');
    expect(await enter(await token({ pod: '' }))).toBe('UNAUTHENTICATED');
    expect(await enter('nothing')).toBe('UNAUTHENTICATED');
  });

  // J10
  it('are shown to nobody but a controller whose certificate is signed by its authority', async () => {
    const { controller } = ours;
    for (const trusting of [theirs.trusting, credentials.createInsecure()]) {
      expect(await enter(await token(), { controller, trusting })).toBe('UNAVAILABLE');
    }
  });

  // J10, J11
  it('do not outlive their time, nor the pod that they were given to', async () => {
    const now = Math.floor(Date.now() / 1_000);
    expect(await enter(await signed(now + 600))).toBe('welcome');
    expect(await enter(await signed(now - 120))).toBe('UNAUTHENTICATED');
    const spec = { serviceAccountName: 'proxy', containers: [{ name: 'c', image: 'i' }] };
    await plane.kube.apply(PODS, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'proxy-2' }, spec });
    const bound = await token({ pod: 'proxy-2' });
    const path = `/api/v1/namespaces/${plane.kube.namespace}/pods/proxy-2`;
    await plane.kube.admin.request('DELETE', path, { query: { gracePeriodSeconds: 0 } });
    expect(await enter(bound, ours, 'proxy-2')).toBe('UNAUTHENTICATED');
  });

  // J11
  it('are of one pod: they do not open a stream under another name', async () => {
    expect(await enter(await token(), ours, 'proxy-2')).toBe('PERMISSION_DENIED');
  });

  // J11
  it('bring the pools of its class, and nothing of the other’s', async () => {
    const metadata = async (): Promise<Metadata> => {
      const head = new Metadata();
      head.set('authorization', `Bearer ${await token()}`);
      return head;
    };
    const one = await plane.proxy('proxy-1', [ours.controller], { credentials: ours.trusting, metadata });
    await plane.condition('shop', 'Programmed', 'True');
    expect([...one.sink.serving.values()].map(({ name }) => name)).toEqual(['shop']);
    const stray = await plane.proxy('proxy-1', [theirs.controller], {
      credentials: theirs.trusting,
      metadata,
    });
    expect(await enter(await token(), theirs)).toBe('UNAUTHENTICATED');
    expect((await plane.condition('bank', 'Programmed', 'False/NoProxies')).proxies?.connected).toBe(0);
    expect(stray.sink.serving.size).toBe(0);
  });
});
