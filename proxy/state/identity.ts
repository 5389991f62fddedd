import type { Endpoint } from '../../api/snapshot.ts';

/** The key of each endpoint as that of one backend: most are met again in the next snapshot. */
const keys = new WeakMap<
  object,
  { readonly poolUid: string; readonly backend: string; readonly key: string }
>();

/**
 * Whose runtime state it is. A new pod on an old address, or the same address in another pool or backend, is another
 * endpoint; a changed weight, condition or order is not.
 */
export function endpointKey(
  poolUid: string,
  backend: string,
  endpoint: Pick<Endpoint, 'targetUid' | 'address' | 'port'>,
): string {
  const known = keys.get(endpoint);
  if (known?.backend === backend && known.poolUid === poolUid) return known.key;
  const key = `${poolUid}/${backend}/${endpoint.targetUid}/${endpoint.address}/${endpoint.port}`;
  keys.set(endpoint, { poolUid, backend, key });
  return key;
}
