import { isIP } from 'node:net';
import type { ServicePort } from '../../api/service-ports.ts';
import type { NamedObject } from './api-server.ts';

/** The EndpointSlice that says to everybody which proxy is behind the Service. */
export interface ActiveSlice extends NamedObject {
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  readonly endpoints?: readonly object[] | null;
  readonly ports?: readonly object[] | null;
}

/** One proxy as it stands in the slice. */
export interface ActiveProxy {
  readonly name: string;
  readonly namespace: string;
  /** The pod's own addresses, of one family or both. */
  readonly addresses: readonly string[];
  readonly node?: string;
  readonly zone?: string;
}

/** Which holder of the Lease wrote the slice: an older one must not write over a newer one's. */
const TERM = 'evenkeel.dev/term';
/** As many as a slice can have. */
export const MAX_PORTS = 100;

/** Undefined when a newer holder has written it, so that it is no business of ours any more. */
export function withActive(
  slice: ActiveSlice,
  proxy: ActiveProxy,
  ports: readonly ServicePort[],
  term: number,
): ActiveSlice | undefined {
  const { annotations = {} } = slice.metadata;
  if (Number(annotations[TERM] ?? 0) > term) return undefined;
  const family = slice.addressType === 'IPv6' ? 6 : 4;
  const address = proxy.addresses.find((each) => isIP(each) === family);
  if (address === undefined) {
    throw new Error(`this pod has no ${slice.addressType} address, only ${proxy.addresses.join(', ')}`);
  }
  return {
    ...slice,
    metadata: { ...slice.metadata, annotations: { ...annotations, [TERM]: String(term) } },
    endpoints: [
      {
        addresses: [address],
        conditions: { ready: true, serving: true, terminating: false },
        targetRef: { kind: 'Pod', name: proxy.name, namespace: proxy.namespace },
        ...(proxy.node === undefined ? {} : { nodeName: proxy.node }),
        ...(proxy.zone === undefined ? {} : { zone: proxy.zone }),
      },
    ],
    ports: ports
      .slice(0, MAX_PORTS)
      .map(({ name, protocol, targetPort }) => ({ name, protocol, port: targetPort })),
  };
}

export function sameTarget(a: ActiveSlice, b: ActiveSlice): boolean {
  return target(a) === target(b);
}

function target({ endpoints, ports, metadata }: ActiveSlice): string {
  return JSON.stringify([endpoints, ports, metadata.annotations?.[TERM]].map(sorted));
}

/** The API server may give members in another order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, member]) => [name, sorted(member)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
