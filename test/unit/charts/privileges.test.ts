import { expect, it } from 'vitest';
import { describeChart, objects, render, type Manifest } from '../../support/charts/helm.ts';

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface Container {
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly args?: readonly string[];
}

interface PodSpec {
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly automountServiceAccountToken?: boolean;
  readonly serviceAccountName?: string;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
  readonly containers: readonly Container[];
}

const rulesOf = (manifest: Manifest): readonly Rule[] => manifest['rules'] as readonly Rule[];

function podOf(manifest: Manifest): PodSpec | undefined {
  if (manifest.kind === 'Pod') return manifest['spec'] as PodSpec;
  const { template } = (manifest['spec'] ?? {}) as { template?: { spec: PodSpec } };
  return template?.spec;
}

// J07
describeChart('the rights that the chart gives', { timeout: 30_000 }, () => {
  const rendered = (...settings: string[]): Manifest[] => objects(render(...settings));

  it('name every verb, group and resource', () => {
    const roles = rendered('secretNamespaces=["shop"]').filter(({ kind }) => /^(Cluster)?Role$/.test(kind));
    expect(roles).toHaveLength(3);
    const FORBIDDEN = new Set(['*', 'escalate', 'bind', 'impersonate', 'deletecollection', 'delete']);
    for (const rule of roles.flatMap(rulesOf)) {
      const words = [...(rule.apiGroups ?? []), ...(rule.resources ?? []), ...rule.verbs];
      expect(words.filter((word) => FORBIDDEN.has(word))).toEqual([]);
    }
  });

  it('over the whole cluster let nobody write but status, events and token reviews, and show no Secret', () => {
    const [role, ...others] = rendered('secretNamespaces=["shop"]').filter(
      ({ kind }) => kind === 'ClusterRole',
    );
    expect(others).toEqual([]);
    const rules = rulesOf(role!);
    expect(rules.flatMap(({ resources }) => resources)).not.toContain('secrets');
    expect(rules.flatMap(({ resources }) => resources)).not.toContain('configmaps');
    const writes = rules.filter(({ verbs }) =>
      verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)),
    );
    expect(
      writes.flatMap(({ resources, verbs }) => resources!.map((resource) => [resource, ...verbs])),
    ).toEqual([
      ['loadbalancerpools/status', 'patch'],
      ['events', 'create'],
      ['tokenreviews', 'create'],
    ]);
  });

  it('in its own namespace are for objects by name', () => {
    const role = rendered().find(({ kind }) => kind === 'Role')!;
    expect(role.metadata.namespace).toBe('lb');
    for (const rule of rulesOf(role)) expect(rule.resourceNames).toHaveLength(1);
  });

  it('show Secrets where secretNamespaces says, and only there', () => {
    const secrets = (manifests: Manifest[]): (string | undefined)[] =>
      manifests
        .filter(({ kind }) => kind === 'Role')
        .filter((role) =>
          rulesOf(role).some(
            ({ resources, resourceNames }) => resources?.includes('secrets') && resourceNames === undefined,
          ),
        )
        .map(({ metadata }) => metadata.namespace);
    expect(secrets(rendered())).toEqual([]);
    expect(secrets(rendered('secretNamespaces=["shop","blog"]'))).toEqual(['shop', 'blog']);
  });

  it('give the proxy nothing, not even a token for the API server', () => {
    const manifests = rendered();
    const bound = manifests
      .filter(({ kind }) => kind.endsWith('RoleBinding'))
      .flatMap((binding) => binding['subjects'] as { name: string }[]);
    expect(new Set(bound.map(({ name }) => name))).toEqual(new Set(['evenkeel-controller']));
    const proxy = manifests.find(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'evenkeel-proxy',
    )!;
    expect(podOf(proxy)!.automountServiceAccountToken).toBe(false);
  });

  it('give proxies that choose the active one the two objects in which they do, by name', () => {
    const role = rendered('redundancy={"mode":"ActivePassive"}').find(
      ({ kind, metadata }) => kind === 'Role' && metadata.name === 'evenkeel-proxy',
    )!;
    expect(rulesOf(role)).toEqual([
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['evenkeel-active'],
        verbs: ['get', 'update'],
      },
      {
        apiGroups: ['discovery.k8s.io'],
        resources: ['endpointslices'],
        resourceNames: ['evenkeel-active'],
        verbs: ['get', 'update'],
      },
    ]);
  });
});

// J16
describeChart('the pods of the chart', { timeout: 30_000 }, () => {
  const VARIANTS: readonly (readonly [string, readonly string[]])[] = [
    ['defaults', []],
    ['a DaemonSet with ports of the host', ['proxy={"kind":"DaemonSet","hostPorts":[{"port":443}]}']],
  ];
  it.each(VARIANTS)('keep the restricted Pod Security Standard, with %s', (_, settings) => {
    const pods = objects(render(...settings)).flatMap((manifest) => podOf(manifest) ?? []);
    expect(pods).toHaveLength(3);
    for (const pod of pods) {
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect([pod.hostPID, pod.hostIPC]).toEqual([undefined, undefined]);
      for (const volume of pod.volumes ?? []) expect(volume).not.toHaveProperty('hostPath');
      for (const { securityContext } of pod.containers) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
  });

  // J09
  it('offer nothing but probes, metrics and the control stream on their addresses; admin pages stay on loopback', () => {
    const args = objects(render()).flatMap((manifest) => podOf(manifest)?.containers[0]?.args ?? []);
    expect(args.filter((arg) => arg.startsWith('--admin'))).toEqual([]);
    expect(args.filter((arg) => /^--(probes|metrics|grpc)=/.test(arg))).toHaveLength(5);
  });
});
