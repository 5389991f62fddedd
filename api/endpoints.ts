import type { Endpoint } from './snapshot.ts';

/** Identifies an endpoint within its pool and backend, whatever else of it changes. */
export function endpointKey({ targetUid, address, port }: EndpointIdentity): string {
  return `${targetUid}|${address}|${port}`;
}

export function addressOfKey(key: string): string {
  const end = key.lastIndexOf('|');
  return key.slice(key.lastIndexOf('|', end - 1) + 1, end);
}

export type EndpointIdentity = Pick<Endpoint, 'targetUid' | 'address' | 'port'>;

type Ordered = EndpointIdentity & Pick<Endpoint, 'position'>;

/** The canonical order of a backend's endpoints: it depends on them alone, not on how they were found. */
export function compareEndpoints(a: Ordered, b: Ordered): number {
  const byPosition = (a.position ?? 0) - (b.position ?? 0);
  if (byPosition !== 0) return byPosition;
  if (a.address !== b.address) return a.address < b.address ? -1 : 1;
  if (a.port !== b.port) return a.port - b.port;
  if (a.targetUid !== b.targetUid) return a.targetUid < b.targetUid ? -1 : 1;
  return 0;
}
