import { isStatus, type KubeClient } from './client.ts';
import { resourcePath, type KubeObject, type Resource } from './objects.ts';

export interface StatusTarget {
  readonly resource: Resource;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** As last seen; it may be out of date. */
  readonly resourceVersion: string;
}

const FIELD_MANAGER = 'evenkeel-controller';
const TRIES = 4;

/**
 * Makes `status` the object's status by server-side apply. It must be whole: what it leaves out, lists above all, is
 * removed. The resource version fences it: an object that was deleted, or made anew under its name, is left alone.
 *
 * @param allowed asked before every try; a leader that was deposed meanwhile must not write
 * @returns the new resource version; undefined when the object is gone, or when writing is no longer allowed
 */
export async function patchStatus(
  client: KubeClient,
  target: StatusTarget,
  status: object,
  allowed: () => boolean,
): Promise<string | undefined> {
  const { resource, apiVersion, kind, namespace, name, uid } = target;
  const path = resourcePath(resource, namespace, name);
  let { resourceVersion } = target;
  for (let attempt = 1; allowed(); attempt += 1) {
    try {
      const written = await client.request<KubeObject>('PATCH', `${path}/status`, {
        query: { fieldManager: FIELD_MANAGER, force: true },
        contentType: 'application/apply-patch+yaml',
        body: { apiVersion, kind, metadata: { name, namespace, resourceVersion }, status },
      });
      return written.metadata.resourceVersion;
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      if (!isStatus(error, 409) || attempt === TRIES) throw error;
    }
    const fresh = await client.request<KubeObject>('GET', path).catch((error: unknown) => {
      if (isStatus(error, 404)) return undefined;
      throw error;
    });
    if (fresh === undefined || fresh.metadata.uid !== uid) return undefined;
    ({ resourceVersion } = fresh.metadata);
  }
  return undefined;
}
