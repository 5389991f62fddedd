import { canonicalAddress, isIPv6 } from '../../api/address.ts';
import type { DeniedAddresses } from './denied-addresses.ts';
import type { EndpointSlice, ServicePort, SliceEndpoint } from './world.ts';

/** An endpoint as slices tell it, before the pool's own wishes. */
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

export interface SlicesResult {
  /** Each address and port once, in no order. */
  readonly endpoints: readonly SourceEndpoint[];
  /** Left out because nobody may have them. */
  readonly denied: readonly { readonly address: string; readonly slice: string; readonly range: string }[];
  /** Left out because they cannot be used; one line each. */
  readonly invalid: readonly string[];
  /** What the Service's pods speak, when a slice says so. */
  readonly appProtocol?: string;
}

/** The uid of an endpoint that no object stands behind. */
export const STATIC_UID = 'static';

/**
 * The union of a Service's slices for one of its ports, the same whatever the order of slices and of what is in them.
 * An endpoint that is in two slices (it is being moved) counts once, in the better of its two conditions. A pod with
 * addresses of both families counts once, in the Service's first family.
 */
export function endpointsOfSlices(
  slices: readonly EndpointSlice[],
  port: ServicePort,
  { denied, primaryFamily }: { denied: DeniedAddresses; primaryFamily: string },
): SlicesResult {
  const merged = new Map<string, SourceEndpoint>();
  const refused: { address: string; slice: string; range: string }[] = [];
  const invalid: string[] = [];
  const appProtocols = new Set<string>();

  for (const slice of slices) {
    const slicePort = portOfSlice(slice, port);
    if (slicePort === undefined) continue;
    if (slicePort.port === undefined || slicePort.port === null) {
      invalid.push(`EndpointSlice ${slice.metadata.name} gives no number for port ${port.name ?? port.port}`);
      continue;
    }
    if (slicePort.appProtocol) appProtocols.add(slicePort.appProtocol);
    const reading = readSlice(slice, denied);
    refused.push(...reading.denied);
    invalid.push(...reading.invalid);
    for (const endpoint of reading.endpoints) {
      const candidate = { ...endpoint, port: slicePort.port };
      const key = `${endpoint.address} ${slicePort.port}`;
      const present = merged.get(key);
      if (present === undefined || compareMerit(candidate, present) < 0) merged.set(key, candidate);
    }
  }

  const appProtocol = [...appProtocols].toSorted()[0] ?? port.appProtocol;
  return {
    endpoints: oncePerPod([...merged.values()], primaryFamily),
    denied: refused.toSorted((a, b) => compareText(a.address, b.address) || compareText(a.slice, b.slice)),
    invalid: invalid.toSorted(),
    ...(appProtocol === undefined ? {} : { appProtocol }),
  };
}

/** What a slice says of an endpoint; the port is said once for all of them. */
type SliceItem = Omit<SourceEndpoint, 'port'>;

interface SliceReading {
  readonly endpoints: readonly SliceItem[];
  readonly denied: SlicesResult['denied'];
  readonly invalid: readonly string[];
}

/** Most slices of a large Service are unchanged when one is: each is read once for as long as it lives. */
const readings = new WeakMap<EndpointSlice, { denied: DeniedAddresses; reading: SliceReading }>();

function readSlice(slice: EndpointSlice, denied: DeniedAddresses): SliceReading {
  const known = readings.get(slice);
  if (known?.denied === denied) return known.reading;
  const reading = readSliceAnew(slice, denied);
  readings.set(slice, { denied, reading });
  return reading;
}

function readSliceAnew(slice: EndpointSlice, denied: DeniedAddresses): SliceReading {
  const name = slice.metadata.name;
  const endpoints: SliceItem[] = [];
  const refused: { address: string; slice: string; range: string }[] = [];
  const invalid: string[] = [];
  if (slice.addressType !== 'IPv4' && slice.addressType !== 'IPv6') {
    return {
      endpoints,
      denied: refused,
      invalid: [`EndpointSlice ${name} has addresses of type ${slice.addressType}`],
    };
  }
  for (const item of slice.endpoints ?? []) {
    // All addresses of an item mean the same endpoint; consumers use the first.
    const text = item.addresses[0] ?? '';
    const address = canonicalAddress(text);
    const range = address === undefined ? undefined : denied.reason(address);
    if (address === undefined) invalid.push(`EndpointSlice ${name} has ${printable(text)} as an address`);
    else if (range !== undefined) refused.push({ address, slice: name, range });
    else endpoints.push(readEndpoint(item, address));
  }
  return { endpoints, denied: refused, invalid };
}

function readEndpoint(item: SliceEndpoint, address: string): SliceItem {
  const { targetRef, nodeName, zone } = item;
  const ready = item.conditions?.ready ?? true;
  const targetUid = targetRef?.uid ?? STATIC_UID;
  return {
    address,
    targetUid,
    ready,
    serving: item.conditions?.serving ?? ready,
    terminating: item.conditions?.terminating ?? false,
    ...(targetRef?.kind === 'Pod' && targetRef.name !== undefined ? { podName: targetRef.name } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
  };
}

function portOfSlice(slice: EndpointSlice, port: ServicePort): SlicePortOf {
  return (slice.ports ?? []).find(
    ({ name, protocol }) =>
      (name ?? '') === (port.name ?? '') && (protocol ?? 'TCP') === (port.protocol ?? 'TCP'),
  );
}

type SlicePortOf = NonNullable<EndpointSlice['ports']>[number] | undefined;

/** The better of two tellings of one address first: ready, then serving; any order serves for equals. */
function compareMerit(a: SourceEndpoint, b: SourceEndpoint): number {
  return merit(b) - merit(a) || compareText(tellingText(a), tellingText(b));
}

function merit({ ready, serving, terminating }: SourceEndpoint): number {
  return (ready ? 4 : 0) + (serving ? 2 : 0) + (terminating ? 0 : 1);
}

function tellingText({ targetUid, podName = '', nodeName = '', zone = '' }: SourceEndpoint): string {
  return [targetUid, podName, nodeName, zone].join(' ');
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function oncePerPod(endpoints: readonly SourceEndpoint[], primaryFamily: string): readonly SourceEndpoint[] {
  const wantsIPv6 = primaryFamily === 'IPv6';
  const inPrimary = new Set<string>();
  let isDualStack = false;
  for (const { address, targetUid } of endpoints) {
    if (isIPv6(address) === wantsIPv6) inPrimary.add(targetUid);
    else isDualStack = true;
  }
  const isSecond = ({ address, targetUid }: SourceEndpoint): boolean =>
    isIPv6(address) !== wantsIPv6 && targetUid !== STATIC_UID && inPrimary.has(targetUid);
  return isDualStack ? endpoints.filter((endpoint) => !isSecond(endpoint)) : endpoints;
}

function printable(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
