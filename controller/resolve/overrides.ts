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
  const inForce = overrides
    .filter((override) => now < expiry(override))
    .map((override) => ({ override, isTarget: targetOf(override) }));
  const effective = new Set<string>();
  const result = new Map<string, readonly Endpoint[]>();
  for (const [backend, list] of endpoints) {
    const handled = list.map((endpoint): Endpoint => {
      const hands = inForce.filter(({ isTarget }) => isTarget(endpoint));
      if (hands.length === 0) return endpoint;
      for (const { override: hand } of hands) effective.add(hand.name);
      const override = hands.some(({ override: hand }) => hand.state === 'Exclude') ? 'Exclude' : 'Drain';
      return Object.assign({}, endpoint, { override });
    });
    result.set(backend, handled);
  }
  const nextExpiry = Math.min(...inForce.map(({ override }) => expiry(override)));
  return {
    endpoints: result,
    stale: overrides.flatMap(({ name }) => (effective.has(name) ? [] : [name])).toSorted(),
    ...(Number.isFinite(nextExpiry) ? { nextExpiry } : {}),
  };
}

function expiry({ expireTime }: EndpointOverride): number {
  return expireTime === undefined ? Infinity : Date.parse(expireTime);
}

/** Which endpoints it is meant for. What it says is read once: there may be thousands to ask about. */
function targetOf({ target: { pod, address, node } }: EndpointOverride): (endpoint: Endpoint) => boolean {
  if (pod !== undefined) {
    return ({ podName, targetUid }) =>
      podName === pod.name && (pod.uid === undefined || targetUid === pod.uid);
  }
  if (address !== undefined) {
    const canonical = canonicalAddress(address.address);
    return (endpoint) =>
      endpoint.address === canonical && (address.port === undefined || endpoint.port === address.port);
  }
  return ({ nodeName }) => node !== undefined && nodeName === node.name;
}
