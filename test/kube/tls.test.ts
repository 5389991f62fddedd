import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { ListenerTLS, PoolSnapshot } from '../../api/snapshot.ts';
import { CONFIG_MAPS, POOLS, SECRETS, type Resource } from '../../controller/kube/objects.ts';
import { caConfigMap, type IssuedPair, TestAuthority, tlsSecret } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
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

  function tlsOf({ sink }: SimulatedProxy): Extract<ListenerTLS, { mode: 'Terminate' }> | undefined {
    const snapshot = [...sink.serving.values()].find(({ name }: PoolSnapshot) => name === 'shop');
    const tls = snapshot?.config.listeners[0]?.tls;
    return tls?.mode === 'Terminate' ? tls : undefined;
  }

  it('are read where that was granted, told of where it was not, and replaced without a restart', async () => {
    const { kube } = plane;
    const controller = await startLimited();
    const proxy = await plane.proxy('one', [controller]);
    const [first, second] = [await authority.issue(), await authority.issue()];
    await applySecret(first);
    const { data } = caConfigMap('clients', authority);
    await kube.apply(CONFIG_MAPS, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'clients' },
      data,
    });
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
