import { isStatus, type KubeClient } from './client.ts';
import { metadataOnly } from './list.ts';
import { CRDS, resourcePath, type KubeObject } from './objects.ts';

/** Whether a CRD is there, and not on its way out. Who may not ask takes it for so. */
export async function definitionStands(client: KubeClient, name: string): Promise<boolean> {
  try {
    const crd = await client.request<KubeObject>('GET', resourcePath(CRDS, undefined, name), {
      accept: metadataOnly('PartialObjectMetadata'),
    });
    return crd.metadata.deletionTimestamp === undefined;
  } catch (error) {
    if (isStatus(error, 404)) return false;
    if (isStatus(error, 403)) return true;
    throw error;
  }
}
