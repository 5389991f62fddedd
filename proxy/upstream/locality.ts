import type { LoadBalancing } from '../../api/snapshot.ts';

/** How near an endpoint has to be. */
export type Reach = 'Node' | 'Zone' | 'Any';

/** Where something runs; empty: not known. */
export interface Place {
  readonly zone: string;
  readonly nodeName: string;
}

/** Near endpoints are enough when they are at least this part of an even share. */
const MIN_PART_OF_EVEN_SHARE = 0.5;

/**
 * How far this proxy reaches: no farther than preferred while the near endpoints can carry what comes to it.
 *
 * A proxy does not know how much the others get. It takes traffic to come evenly from the zones (or nodes) that have
 * endpoints, and its own to be too small when it has less than half of an even share of them: then its endpoints would
 * get more than twice what the others do. PreferNode falls back to the zone, that to all.
 */
export function reach(mode: LoadBalancing['locality'], here: Place, eligible: readonly Place[]): Reach {
  if (mode === 'PreferNode' && carries('nodeName', here, eligible)) return 'Node';
  if (mode !== 'Any' && carries('zone', here, eligible)) return 'Zone';
  return 'Any';
}

export function isWithin(reach: Reach, here: Place, endpoint: Place): boolean {
  switch (reach) {
    case 'Node':
      return endpoint.nodeName === here.nodeName;
    case 'Zone':
      return endpoint.zone === here.zone;
    case 'Any':
      return true;
  }
}

function carries(level: keyof Place, here: Place, eligible: readonly Place[]): boolean {
  if (here[level] === '') return false;
  let near = 0;
  const groups = new Set<string>();
  for (const place of eligible) {
    groups.add(place[level]);
    if (place[level] === here[level]) near++;
  }
  return near > 0 && near * groups.size >= eligible.length * MIN_PART_OF_EVEN_SHARE;
}
