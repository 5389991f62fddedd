import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ENDPOINT_SLICES, LEASES, POOLS, type KubeObject } from '../../controller/kube/objects.ts';
import { ACTIVE_PASSIVE_TIMING } from '../../proxy/redundancy/active-passive.ts';
import { apiServerObjects } from '../../proxy/redundancy/api-server.ts';
import { eventually } from '../support/eventually.ts';
import { describeKube } from '../support/kube/cluster.ts';
import { controlPlane, type ControlPlane } from '../support/kube/control-plane.ts';
import { poolObject } from '../support/kube/objects.ts';
import { standBy, type StandBy } from '../support/redundancy.ts';

interface Slice extends KubeObject {
  readonly endpoints: readonly {
    readonly addresses: readonly string[];
    readonly targetRef: { name: string };
  }[];
  readonly ports: readonly { readonly name: string; readonly port: number }[];
}

describeKube('the active one of several proxies', () => {
  let plane: ControlPlane;
  let dir: string;

  beforeEach(async () => {
    plane = await controlPlane();
    dir = await mkdtemp(join(tmpdir(), 'evenkeel-active-'));
    const { kube } = plane;
    await writeFile(join(dir, 'token'), kube.info.controllerToken);
    await writeFile(join(dir, 'ca.crt'), kube.info.ca);
    const metadata = { name: 'lb-active' };
    await kube.apply(LEASES, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: {} });
    await kube.apply(ENDPOINT_SLICES, {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'lb' } },
      addressType: 'IPv4',
      endpoints: [],
      ports: [],
    });
    const rbac = { groupVersion: '/apis/rbac.authorization.k8s.io/v1' };
    // What the chart gives, and nothing else.
    const verbs = ['get', 'update'];
    const resourceNames = ['lb-active'];
    await kube.apply(
      { ...rbac, plural: 'roles' },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: 'proxy' },
        rules: [
          { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames, verbs },
          { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], resourceNames, verbs },
        ],
      },
    );
    await kube.apply(
      { ...rbac, plural: 'rolebindings' },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'proxy' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'proxy' },
        subjects: [{ kind: 'User', name: 'controller', apiGroup: 'rbac.authorization.k8s.io' }],
      },
    );
  });

  afterEach(async () => {
    await plane.close();
    await rm(dir, { recursive: true, force: true });
  });

  const proxy = (name: string): StandBy => {
    const { info, namespace } = plane.kube;
    const objects = apiServerObjects({
      url: info.url,
      caFile: join(dir, 'ca.crt'),
      tokenFile: join(dir, 'token'),
      timeoutMs: 1_500,
    });
    const made = standBy(name, Object.assign(objects, { cut: false, lost: 0 }), new Map(), {
      namespace,
      timing: ACTIVE_PASSIVE_TIMING,
    });
    plane.ends.push(async () => {
      await made.redundancy.release();
      objects.close();
    });
    return made;
  };
  const stands = (name: string): Promise<unknown> =>
    eventually(`${name} stands in the slice`, async () => {
      const { endpoints } = await plane.kube.get<Slice>(ENDPOINT_SLICES, 'lb-active');
      return endpoints[0]?.targetRef.name === name;
    });

  it('is one, stands in the slice, and hands over, with rights to two objects', async () => {
    const controller = await plane.controller({ activeProxyLease: 'lb-active' });
    await plane.proxy('a', [controller]);
    await plane.proxy('b', [controller]);
    await plane.kube.apply(POOLS, poolObject('shop', plane.className));
    const a = proxy('a');
    await stands('a');
    const b = proxy('b');
    const { endpoints, ports } = await plane.kube.get<Slice>(ENDPOINT_SLICES, 'lb-active');
    expect(endpoints.map(({ addresses }) => addresses)).toEqual([['10.0.0.97']]);
    expect(ports).toMatchObject([{ name: 'tcp-80', port: 80 }]);
    const first = await eventually('status says who is active', async () => {
      const { redundancy, conditions } = await plane.status('shop');
      if (redundancy?.activeProxy !== 'a') return undefined;
      return { redundancy, redundant: conditions?.find(({ type }) => type === 'Redundant') };
    });
    expect(first.redundancy).toEqual({ mode: 'ActivePassive', activeProxy: 'a' });
    await a.redundancy.release();
    await stands('b');
    expect(b.redundancy.active).toBe(true);
    const after = await eventually('status says who took over', async () => {
      const { redundancy } = await plane.status('shop');
      return redundancy?.activeProxy === 'b' && redundancy;
    });
    expect(after.lastFailoverTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  it('is one alone, however many reach for the lease at once', async () => {
    const all = ['a', 'b', 'c', 'd'].map(proxy);
    await eventually('one is active', () => all.some(({ redundancy }) => redundancy.active));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(all.filter(({ redundancy }) => redundancy.active)).toHaveLength(1);
    const lease = await plane.kube.get<KubeObject & { spec: { leaseTransitions: number } }>(
      LEASES,
      'lb-active',
    );
    expect(lease.spec.leaseTransitions).toBe(1);
  });
});
