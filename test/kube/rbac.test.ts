import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { createKubeClient } from '../../controller/kube/client.ts';
import {
  CONFIG_MAPS,
  ENDPOINT_SLICES,
  POOLS,
  SECRETS,
  SERVICES,
  type KubeObject,
} from '../../controller/kube/objects.ts';
import { eventually } from '../support/eventually.ts';
import { describeKube, type Applied } from '../support/kube/cluster.ts';
import { configFor } from '../support/kube/config.ts';
import { controlPlane, type ControlPlane } from '../support/kube/control-plane.ts';
import { poolObject, serviceObject, sliceObject } from '../support/kube/objects.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

type Role = Applied & { readonly rules: readonly Rule[] };

describeKube('the controller’s permissions', () => {
  let plane: ControlPlane;
  let roles: Role[];

  beforeEach(async () => {
    plane = await controlPlane();
    const text = await readFile(join(import.meta.dirname, '../../docs/rbac.yaml'), 'utf8');
    const documents = parseAllDocuments(text.replaceAll('NAMESPACE', plane.kube.namespace));
    roles = documents.map((document) => document.toJS() as Role | null).filter((role) => role !== null);
  });

  afterEach(() => plane.close());

  it('are enough for all that it does', async () => {
    const { kube, className } = plane;
    const subjects = [{ kind: 'User', name: 'controller', apiGroup: 'rbac.authorization.k8s.io' }];
    for (const role of roles) {
      const isCluster = role.kind === 'ClusterRole';
      const path = `/apis/rbac.authorization.k8s.io/v1${isCluster ? '' : `/namespaces/${kube.namespace}`}`;
      const apply = (plural: string, object: Applied): Promise<unknown> =>
        kube.admin.request('PATCH', `${path}/${plural}/${object.metadata.name}`, {
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
        subjects,
      });
    }
    await kube.apply(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'evenkeel-ca' } });
    await kube.apply(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'evenkeel-ca' } });
    const kubeconfig = configFor(kube.info, kube.info.controllerToken, kube.info.url, kube.namespace);
    const controller = await plane.controller({ kubeconfig });
    await eventually('the first one leads', () => controller.leading);
    const trusting = await plane.controller({
      kubeconfig,
      trust: { secret: 'evenkeel-ca', configMap: 'evenkeel-ca', proxyServiceAccounts: [] },
    });
    await plane.proxy('one', [controller]);
    await kube.apply(SERVICES, serviceObject('shop'));
    await kube.apply(ENDPOINT_SLICES, sliceObject('shop-1', 'shop', { addresses: ['10.1.0.1'], port: 80 }));
    const weighted = {
      loadBalancing: { algorithm: 'WeightedRoundRobin', endpointWeight: { from: 'Annotation' } },
    };
    await kube.apply(POOLS, poolObject('shop', className, weighted));
    await plane.condition('shop', 'Programmed', 'True');
    await controller.close(); // the other one leads, and makes the CA
    const bundle = await eventually(
      'the CA',
      async () =>
        (await kube.get<KubeObject & { data?: Record<string, string> }>(CONFIG_MAPS, 'evenkeel-ca')).data,
    );
    expect(bundle['ca.crt']).toContain('BEGIN CERTIFICATE');
    expect(trusting.leading).toBe(true);
    const events = await kube.admin.request<{ items: { reason: string }[] }>(
      'GET',
      `/api/v1/namespaces/${kube.namespace}/events`,
    );
    expect(events.items.map(({ reason }) => reason)).toContain('Programmed');
    const asController = createKubeClient(kubeconfig);
    plane.ends.push(() => asController.close());
    await expect(asController.request('GET', '/api/v1/secrets')).rejects.toMatchObject({ status: 403 });
  });

  it('have no wildcard, no way to more, and no Secrets but its own', () => {
    // J07
    for (const { kind, rules } of roles) {
      for (const { apiGroups, resources, resourceNames = [], verbs } of rules) {
        for (const word of [...apiGroups, ...resources, ...verbs]) expect(word).not.toContain('*');
        for (const verb of ['escalate', 'bind', 'impersonate', 'delete']) expect(verbs).not.toContain(verb);
        if (!resources.includes('secrets')) continue;
        expect(kind).toBe('Role');
        expect(resourceNames).toEqual(['evenkeel-ca']);
      }
    }
  });
});
