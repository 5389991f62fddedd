import { afterAll, beforeAll, expect, it } from 'vitest';
import type { KubeError } from '../../controller/kube/client.ts';
import { POOLS, resourcePath, type KubeObject } from '../../controller/kube/objects.ts';
import { CRD_CASES } from '../support/crd-cases.ts';
import { cluster, describeKube, type Cluster } from '../support/kube/cluster.ts';
import { installCrd } from '../support/kube/crd.ts';

const DRY_RUN = { dryRun: 'All', fieldValidation: 'Strict' };

describeKube('the rules of the CRD, on the API server', () => {
  let kube: Cluster;
  let made = 0;

  beforeAll(async () => {
    kube = await cluster();
    await installCrd(kube);
  });

  afterAll(() => kube.close());

  const poolOf = (name: string, spec: object): object => ({
    apiVersion: 'evenkeel.dev/v1alpha1',
    kind: 'LoadBalancerPool',
    metadata: { name },
    spec,
  });
  const create = (name: string, spec: object, query: object = {}): Promise<KubeObject> =>
    kube.admin.request('POST', resourcePath(POOLS, kube.namespace), {
      query: { ...query },
      body: poolOf(name, spec),
    });
  const change = (to: KubeObject, spec: object): Promise<KubeObject> =>
    kube.admin.request('PUT', resourcePath(POOLS, kube.namespace, to.metadata.name), {
      query: DRY_RUN,
      body: { ...to, spec },
    });

  it.each(CRD_CASES.map((each, i) => ({ ...each, title: `${i} ${each.rule.path}: ${each.rule.message}` })))(
    '$title',
    async ({ rule, old, accepted, refused }) => {
      // J15: what no webhook has to say
      const name = `p-${(made += 1)}`;
      const before = old === undefined ? undefined : await create(name, old);
      const ask = (spec: object): Promise<KubeObject> =>
        before === undefined ? create(name, spec, DRY_RUN) : change(before, spec);
      await ask(accepted);

      const answer = await ask(refused).then(
        () => 'accepted',
        (error: KubeError) => error,
      );
      expect(answer).toMatchObject({ status: 422, reason: 'Invalid' });
      const { message } = answer as KubeError;
      expect(message).toContain(`${rule.path}: `);
      expect(message).toContain(rule.message);
    },
  );
});
