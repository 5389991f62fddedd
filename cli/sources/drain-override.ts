import { canonicalAddress } from '../../api/address.ts';
import type { EndpointOverride } from '../../api/pool.gen.ts';
import type { Endpoint } from '../../api/snapshot.ts';
import { hostPort } from '../../lib/host-port.ts';

/** The overrides as they should be, or why there is nothing to change. */
export type OverrideChange =
  | { readonly kind: 'change'; readonly overrides: readonly EndpointOverride[] }
  | { readonly kind: 'nothing'; readonly because: string };

/** `drain-10-1-2-3-8080`: `evenkeel drain` finds its own entry by it, also when the endpoint has long gone. */
export function overrideName(address: string, port: number): string {
  return `drain-${address.replaceAll(/[.:]/g, '-')}-${port}`;
}

/**
 * Adds the entry that drains an endpoint. One of a pod is meant by the pod's uid, so that the next pod on its address
 * is not drained; a Static one by its address and port.
 */
export function addDrain(overrides: readonly EndpointOverride[], endpoint: Endpoint): OverrideChange {
  const { address, port, podName, targetUid } = endpoint;
  const name = overrideName(address, port);
  const target: EndpointOverride['target'] =
    podName === undefined
      ? { type: 'Address', address: { address, port } }
      : { type: 'Pod', pod: { name: podName, uid: targetUid } };
  const before = overrides.find((override) => override.name === name);
  if (before?.state === 'Drain' && isSameTarget(before.target, target) && before.expireTime === undefined) {
    return { kind: 'nothing', because: 'it is draining already' };
  }
  const others = overrides.filter((override) => override.name !== name);
  return { kind: 'change', overrides: [...others, { name, target, state: 'Drain' }] };
}

/** Removes the entry that `addDrain` made; what a person wrote under another name stays, and is named. */
export function removeDrain(
  overrides: readonly EndpointOverride[],
  address: string,
  port: number,
): OverrideChange {
  const name = overrideName(address, port);
  const left = overrides.filter((override) => override.name !== name);
  if (left.length < overrides.length) return { kind: 'change', overrides: left };
  const hand = overrides.find(({ target }) => {
    const { address: own } = target;
    return own !== undefined && canonicalAddress(own.address) === address && (own.port ?? port) === port;
  });
  const because =
    hand === undefined
      ? `${hostPort(address, port)} is not drained`
      : `${hand.name} in spec.endpointOverrides holds it, which this command did not write`;
  return { kind: 'nothing', because };
}

function isSameTarget(a: EndpointOverride['target'], b: EndpointOverride['target']): boolean {
  return (
    a.type === b.type &&
    a.pod?.name === b.pod?.name &&
    a.pod?.uid === b.pod?.uid &&
    a.address?.address === b.address?.address &&
    a.address?.port === b.address?.port
  );
}
