import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { ListenerTLS, PoolSnapshot } from '../../api/snapshot.ts';
import { CONFIG_MAPS, POOLS, SECRETS, type Resource } from '../../controller/kube/objects.ts';
import { caConfigMap, type IssuedPair, TestAuthority, tlsSecret } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { faultProxy } from '../support/fault-proxy.ts';
import { describeKube, type Applied } from '../support/kube/cluster.ts';
import { configFor } from '../support/kube/config.ts';
import { controlPlane, type ControlPlane, type SimulatedProxy } from '../support/kube/control-plane.ts';
import { poolObject } from '../support/kube/objects.ts';

const RBAC: Resource = { groupVersion: '/apis/rbac.authorization.k8s.io/v1', plural: '' };

describeKube('certificates on a cluster', () => {
  let plane: ControlPlane;
  let authority: TestAuthority;

  beforeEach(async () => {
    [plane, authority] = await Promise.all([controlPlane(), TestAuthority.create()]);
  });

  afterEach(() => plane.close());

  /** A controller that may do what docs/rbac.yaml says, and read no Secrets. */
  async function startLimited(): Promise<Awaited<ReturnType<ControlPlane['controller']>>> {
    const { kube } = plane;
    const text = await readFile(join(import.meta.dirname, '../../docs/rbac.yaml'), 'utf8');
    for (const document of parseAllDocuments(text.replaceAll('NAMESPACE', kube.namespace))) {
      const role = document.toJS() as Applied | null;
      if (role !== null && role.metadata['namespace'] !== 'SECRET-NAMESPACE') await grant(role);
    }
    const kubeconfig = configFor(kube.info, kube.info.controllerToken, kube.info.url, kube.namespace);
    return plane.controller({ kubeconfig });
  }

  async function grant(role: Applied): Promise<void> {
    const { kube } = plane;
    const isCluster = role.kind === 'ClusterRole';
    const scope = isCluster ? '' : `/namespaces/${kube.namespace}`;
    const apply = (plural: string, object: object): Promise<unknown> =>
      kube.admin.request('PATCH', `${RBAC.groupVersion}${scope}/${plural}/${role.metadata.name}`, {
        query: { fieldManager: 'test', force: true },
        contentType: 'application/apply-patch+yaml',
        body: object,
      });
    await apply(isCluster ? 'clusterroles' : 'roles', role);
    await apply(isCluster ? 'clusterrolebindings' : 'rolebindings', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: isCluster ? 'ClusterRoleBinding' : 'RoleBinding',
      metadata: { name: role.metadata.name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: role.kind, name: role.metadata.name },
      subjects: [{ kind: 'User', name: 'controller', apiGroup: 'rbac.authorization.k8s.io' }],
    });
  }

  const readSecrets = (): Promise<void> =>
    grant({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'secrets' },
      rules: [{ apiGroups: [''], resources: ['secrets', 'configmaps'], verbs: ['get', 'list', 'watch'] }],
    });

  const applySecret = (pair: IssuedPair): Promise<unknown> => {
    const { type, data } = tlsSecret('shop', pair);
    return plane.kube.apply(SECRETS, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'shop' },
      type,
      data,
    });
  };

  const pool = (): Applied =>
    poolObject('shop', plane.className, {
      listeners: [
        {
          name: 'web',
          protocol: 'HTTPS',
          port: 8443,
          tls: {
            certificateRefs: [{ name: 'shop' }],
            clientValidation: { mode: 'Optional', caRefs: [{ name: 'clients' }] },
          },
        },
      ],
      backends: [{ name: 'v1', type: 'Static', static: { endpoints: [{ address: '10.1.0.1', port: 80 }] } }],
    });

  const movedBackend = {
    name: 'v1',
    type: 'Static',
    static: { endpoints: [{ address: '10.1.0.2', port: 80 }] },
  };

  function tlsOf({ sink }: SimulatedProxy): Extract<ListenerTLS, { mode: 'Terminate' }> | undefined {
    const snapshot = [...sink.serving.values()].find(({ name }: PoolSnapshot) => name === 'shop');
    const tls = snapshot?.config.listeners[0]?.tls;
    return tls?.mode === 'Terminate' ? tls : undefined;
  }

  function applyClientCas(): Promise<unknown> {
    const { data } = caConfigMap('clients', authority);
    const metadata = { name: 'clients' };
    return plane.kube.apply(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
  }

  it('are read where that was granted, told of where it was not, and replaced without a restart', async () => {
    const { kube } = plane;
    const controller = await startLimited();
    const proxy = await plane.proxy('one', [controller]);
    const [first, second] = [await authority.issue(), await authority.issue()];
    await applySecret(first);
    await applyClientCas();
    await kube.apply(POOLS, pool());

    const denied = await plane.condition('shop', 'ResolvedRefs', 'False/SecretAccessDenied');
    const message = denied.conditions?.find(({ type }) => type === 'ResolvedRefs')?.message ?? '';
    expect(message).toContain(`--set 'secretNamespaces={${kube.namespace}}'`);
    expect(tlsOf(proxy)?.certificates).toEqual([]);

    await readSecrets();
    await plane.condition('shop', 'ResolvedRefs', 'True');
    await plane.condition('shop', 'Programmed', 'True');
    expect(tlsOf(proxy)).toMatchObject({
      certificates: [{ chain: first.chain, privateKey: first.privateKey }],
      clientValidation: { ca: authority.certificate },
    });

    await applySecret({ chain: second.chain, privateKey: first.privateKey });
    await plane.condition('shop', 'ResolvedRefs', 'False/InvalidCertificate');
    expect(tlsOf(proxy)?.certificates).toMatchObject([{ chain: first.chain }]);
    await kube.delete(SECRETS, 'shop');
    await plane.condition('shop', 'ResolvedRefs', 'False/SecretNotFound');
    expect(tlsOf(proxy)?.certificates).toMatchObject([{ chain: first.chain }]);

    await applySecret(second);
    await plane.condition('shop', 'ResolvedRefs', 'True');
    await eventually('the new one is served', () => tlsOf(proxy)?.certificates[0]?.chain === second.chain);

    // Nor does anybody else see them.
    const shown = JSON.stringify([
      await kube.get(POOLS, 'shop'),
      await kube.admin.request('GET', `/apis/events.k8s.io/v1/namespaces/${kube.namespace}/events`),
    ]);
    for (const { privateKey } of [first, second]) {
      const secret = privateKey.split('\n').slice(1, -2).join('').slice(52, 88);
      expect(shown).not.toContain(secret);
    }
  });

  it('go on where they are served while no controller has ever read them', async () => {
    const { kube } = plane;
    const pair = await authority.issue();
    await applySecret(pair);
    const { data } = caConfigMap('clients', authority);
    const clients = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'clients' }, data };
    await kube.apply(CONFIG_MAPS, clients);
    await kube.apply(POOLS, pool());
    const first = await plane.controller();
    const [one, two] = await Promise.all([plane.proxy('one', [first]), plane.proxy('two', [first])]);
    await plane.condition('shop', 'Programmed', 'True');
    const [uid] = one.sink.serving.keys();
    const served = { certificates: [{ chain: pair.chain }], clientValidation: { ca: authority.certificate } };

    await first.close();
    await two.sync.close();
    await kube.delete(SECRETS, 'shop');
    await kube.apply(CONFIG_MAPS, { ...clients, data: { 'ca.crt': 'none' } });
    const moved = pool();
    Object.assign(moved, { spec: { ...(moved as { spec?: object }).spec, backends: [movedBackend] } });
    await kube.apply(POOLS, moved);
    const second = await plane.controller({ grpc: `127.0.0.1:${first.grpcPort}` });
    const again = await plane.proxy('two', [second]);
    const fresh = await plane.proxy('three', [second]);

    // Endpoints go on changing.
    for (const { sink } of [one, again, fresh]) {
      const addresses = (): unknown => sink.serving.get(uid!)?.endpoints['v1']?.map(({ address }) => address);
      await eventually('what is new', () => String(addresses()) === '10.1.0.2');
    }
    // It was True before, too: what is new is what it says.
    await eventually('it is told', async () => {
      const { conditions } = await plane.condition('shop', 'Programmed', 'True');
      const message = conditions?.find(({ type }) => type === 'Programmed')?.message;
      return message?.includes('of Secret/shop; ConfigMap/clients they serve what they had');
    });
    await plane.condition('shop', 'ResolvedRefs', 'False/SecretNotFound');
    expect(tlsOf(one)).toMatchObject(served);
    expect(tlsOf(again)).toMatchObject(served); // from its disk
    expect(tlsOf(fresh)).toMatchObject({ certificates: [], unresolved: ['shop'] });

    const renewed = await authority.issue();
    await applySecret(renewed);
    await kube.apply(CONFIG_MAPS, clients);
    await plane.condition('shop', 'ResolvedRefs', 'True');
    for (const proxy of [one, again, fresh]) {
      await eventually('the new one', () => tlsOf(proxy)?.certificates[0]?.chain === renewed.chain);
      expect(tlsOf(proxy)).not.toHaveProperty('unresolved');
    }
  });

  it('hold up no new leader when the API server fails to show them', async () => {
    const { kube } = plane;
    const web = { name: 'web', protocol: 'HTTP', port: 8080 };
    await kube.apply(POOLS, poolObject('other', plane.className, { listeners: [web] }));
    await applySecret(await authority.issue());
    await applyClientCas();
    await kube.apply(POOLS, pool());
    const first = await plane.controller();
    const proxy = await plane.proxy('one', [first]);
    await plane.condition('shop', 'Programmed', 'True');
    const served = tlsOf(proxy);
    await first.close();

    const faults = await faultProxy(kube.info);
    plane.ends.push(() => faults.close());
    faults.answer(({ url }) => url.includes('/secrets'), { status: 500, reason: 'InternalError' });
    await plane.controller({ grpc: `127.0.0.1:${first.grpcPort}` }, faults.url);
    const status = await plane.condition('shop', 'ResolvedRefs', 'False/SecretUnreadable');
    expect(status.conditions?.find(({ type }) => type === 'ResolvedRefs')?.message).toContain(
      'the API server does not show the Secrets',
    );
    await plane.condition('other', 'Accepted', 'True');
    expect(tlsOf(proxy)).toMatchObject(served!);

    faults.restore();
    await plane.condition('shop', 'ResolvedRefs', 'True');
    expect(tlsOf(proxy)).toEqual(served);
  });

  it('are part of a new leader’s first push', async () => {
    const pair = await authority.issue();
    await applySecret(pair);
    const { data } = caConfigMap('clients', authority);
    await plane.kube.apply(CONFIG_MAPS, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'clients' },
      data,
    });
    await plane.kube.apply(POOLS, pool());
    const controller = await plane.controller();
    const proxy = await plane.proxy('one', [controller]);
    await plane.condition('shop', 'Programmed', 'True');
    // Whatever it has been given, it was never without.
    expect(tlsOf(proxy)?.certificates).toMatchObject([{ chain: pair.chain }]);
    expect(proxy.sink.history).toHaveLength(1);
  });
});
