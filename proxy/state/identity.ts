import type { Endpoint } from '../../api/snapshot.ts';

/**
 * Whose runtime state it is. A new pod on an old address, or the same address in another pool or backend, is another
 * endpoint; a changed weight, condition or order is not.
 */
export function endpointKey(
  poolUid: string,
  backend: string,
  endpoint: Pick<Endpoint, 'targetUid' | 'address' | 'port'>,
): string {
  return `${poolUid}/${backend}/${endpoint.targetUid}/${endpoint.address}/${endpoint.port}`;
}
