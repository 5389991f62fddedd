import { canonicalAddress } from '../../api/address.ts';
import type { DeniedAddresses } from './denied-addresses.ts';
import { listOfEndpoints, type EndpointList } from './endpoint-union.ts';
import type { EndpointSlice, SliceEndpoint } from './world.ts';

/** An endpoint as a slice tells it, before the pool's own wishes. */
export interface SourceEndpoint {
  readonly address: string;
  readonly port: number;
  readonly targetUid: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly podName?: string;
  readonly nodeName?: string;
  readonly zone?: string;
}

export interface SliceReading {
  readonly endpoints: EndpointList;
  /** Left out because nobody may have them. */
  readonly denied: readonly DeniedEndpoint[];
  /** Left out because they cannot be used; one line each. */
  readonly invalid: readonly string[];
}

export interface DeniedEndpoint {
  readonly address: string;
  readonly slice: string;
  readonly range: string;
}

/** The uid of an endpoint that no object stands behind. */
export const STATIC_UID = 'static';

/**
 * Most slices of a large Service are unchanged when one is: each is read once for as long as it lives, and gives the
 * same objects again.
 */
const readings = new WeakMap<EndpointSlice, { denied: DeniedAddresses; byPort: Map<number, SliceReading> }>();

/** What a slice says, for the port with this number. */
export function readSlice(slice: EndpointSlice, port: number, denied: DeniedAddresses): SliceReading {
  let known = readings.get(slice);
  if (known?.denied !== denied) readings.set(slice, (known = { denied, byPort: new Map() }));
  let reading = known.byPort.get(port);
  if (reading === undefined) known.byPort.set(port, (reading = readAnew(slice, port, denied)));
  return reading;
}

function readAnew(slice: EndpointSlice, port: number, denied: DeniedAddresses): SliceReading {
  const { name } = slice.metadata;
  if (slice.addressType !== 'IPv4' && slice.addressType !== 'IPv6') {
    const invalid = [`EndpointSlice ${name} has addresses of type ${slice.addressType}`];
    return { endpoints: [], denied: [], invalid };
  }
  const endpoints: SourceEndpoint[] = [];
  const refused: DeniedEndpoint[] = [];
  const invalid: string[] = [];
  for (const item of slice.endpoints ?? []) {
    // All addresses of an item mean the same endpoint; consumers use the first.
    const text = item.addresses[0] ?? '';
    const address = canonicalAddress(text);
    const range = address === undefined ? undefined : denied.reason(address);
    if (address === undefined) invalid.push(`EndpointSlice ${name} has ${printable(text)} as an address`);
    else if (range !== undefined) refused.push({ address, slice: name, range });
    else endpoints.push(readEndpoint(item, address, port));
  }
  return { endpoints: listOfEndpoints(endpoints), denied: refused, invalid };
}

function readEndpoint(item: SliceEndpoint, address: string, port: number): SourceEndpoint {
  const { conditions, targetRef, nodeName, zone } = item;
  const ready = conditions?.ready ?? true;
  return {
    address,
    port,
    targetUid: targetRef?.uid ?? STATIC_UID,
    ready,
    serving: conditions?.serving ?? ready,
    terminating: conditions?.terminating ?? false,
    ...(targetRef?.kind === 'Pod' && targetRef.name !== undefined ? { podName: targetRef.name } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
  };
}

function printable(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
