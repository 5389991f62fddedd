import { canonicalAddress } from '../../api/address.ts';
import type { EndpointOverride } from '../../api/pool.gen.ts';
import type { Endpoint } from '../../api/snapshot.ts';

export interface Overridden {
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>;
  /** Names of overrides that have no effect: their time is past, or what they are about is gone. */
  readonly stale: readonly string[];
  /** When the next override expires, in milliseconds since the epoch. */
  readonly nextExpiry?: number;
}

/** Puts a person's hand on the endpoints it is meant for; of two hands on one endpoint, Exclude wins. */
export function applyOverrides(
  endpoints: ReadonlyMap<string, readonly Endpoint[]>,
  overrides: readonly EndpointOverride[],
  now: number,
): Overridden {
  if (overrides.length === 0) return { endpoints, stale: [] };
  const inForce = overrides.filter((override) => now < expiry(override));
  const effective = new Set<string>();
  const result = new Map<string, readonly Endpoint[]>();
  for (const [backend, list] of endpoints) {
    const handled = list.map((endpoint): Endpoint => {
      const hands = inForce.filter((override) => isTarget(endpoint, override));
      if (hands.length === 0) return endpoint;
      for (const { name } of hands) effective.add(name);
      const override = hands.some(({ state }) => state === 'Exclude') ? 'Exclude' : 'Drain';
      return Object.assign({}, endpoint, { override });
    });
    result.set(backend, handled);
  }
  const nextExpiry = Math.min(...inForce.map((override) => expiry(override)));
  return {
    endpoints: result,
    stale: overrides.flatMap(({ name }) => (effective.has(name) ? [] : [name])).toSorted(),
    ...(Number.isFinite(nextExpiry) ? { nextExpiry } : {}),
  };
}

function expiry({ expireTime }: EndpointOverride): number {
  return expireTime === undefined ? Infinity : Date.parse(expireTime);
}

function isTarget(endpoint: Endpoint, { target }: EndpointOverride): boolean {
  const { pod, address, node } = target;
  if (pod !== undefined) {
    return endpoint.podName === pod.name && (pod.uid === undefined || endpoint.targetUid === pod.uid);
  }
  if (address !== undefined) {
    const isPort = address.port === undefined || endpoint.port === address.port;
    return isPort && endpoint.address === canonicalAddress(address.address);
  }
  return node !== undefined && endpoint.nodeName === node.name;
}
