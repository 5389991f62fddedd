import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CRDS, resourcePath } from '../../../controller/kube/objects.ts';
import { eventually } from '../eventually.ts';
import type { Applied, Cluster } from './cluster.ts';

/** Installs the LoadBalancerPool, if another file has not already, and waits until the API server serves it. */
export async function installCrd({ admin }: Cluster): Promise<void> {
  const crd = parse(
    await readFile(join(import.meta.dirname, '../../../crds/loadbalancerpools.yaml'), 'utf8'),
  ) as Applied;
  await admin.request('PATCH', resourcePath(CRDS, undefined, crd.metadata.name), {
    query: { fieldManager: 'test', force: true },
    contentType: 'application/apply-patch+yaml',
    body: crd,
  });
  await eventually('the API server serves pools', async () => {
    await admin.request('GET', '/apis/evenkeel.dev/v1alpha1/loadbalancerpools', { query: { limit: 1 } });
    return true;
  });
}
