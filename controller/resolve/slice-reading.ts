import { canonicalAddress, isIPv6 } from '../../api/address.ts';
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
  /** What it was read for. */
  readonly port: number;
  readonly by: DeniedAddresses;
  readonly endpoints: EndpointList;
  /** How many of `endpoints` have an IPv6 address. */
  readonly ipv6: number;
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
 * The API server takes anything for these, up to the size of the whole object: what no object of its own could have is
 * not passed on to proxies, status and logs.
 */
const UID = /^[\x21-\x7e]{1,128}$/;
const POD_NAME = /^[-a-z0-9.]{1,253}$/;
const ZONE = /^[-\w.]{1,63}$/;

/** A slice is read once for as long as it lives, for however many pools. */
const readings = new WeakMap<EndpointSlice, SliceReading[]>();

/**
 * What a slice says, for the port with this number.
 * @param before of the same slice as it was: what has not changed is the same object again
 */
export function readSlice(
  slice: EndpointSlice,
  port: number,
  denied: DeniedAddresses,
  before?: SliceReading,
): SliceReading {
  let known = readings.get(slice);
  if (known === undefined) readings.set(slice, (known = []));
  let reading = known.find((each) => each.port === port && each.by === denied);
  if (reading === undefined) {
    const isAlike = before?.port === port && before.by === denied;
    reading = readAnew(slice, port, denied, isAlike ? before.endpoints : []);
    known.push(reading);
  }
  return reading;
}

function readAnew(
  slice: EndpointSlice,
  port: number,
  denied: DeniedAddresses,
  before: EndpointList,
): SliceReading {
  const { name } = slice.metadata;
  if (slice.addressType !== 'IPv4' && slice.addressType !== 'IPv6') {
    const invalid = [`EndpointSlice ${name} has addresses of type ${slice.addressType}`];
    return { port, by: denied, endpoints: [], ipv6: 0, denied: [], invalid };
  }
  const known = new Map(before.map((endpoint) => [endpoint.address, endpoint]));
  const endpoints: SourceEndpoint[] = [];
  const refused: DeniedEndpoint[] = [];
  const invalid: string[] = [];
  for (const item of slice.endpoints ?? []) {
    // All addresses of an item mean the same endpoint; consumers use the first.
    const text = item.addresses[0] ?? '';
    const was = known.get(text);
    if (was !== undefined) {
      // The address has been looked at.
      const is = readEndpoint(item, was.address, port);
      endpoints.push(isSameTelling(was, is) ? was : is);
      continue;
    }
    const address = canonicalAddress(text);
    const range = address === undefined ? undefined : denied.reason(address);
    if (address === undefined) invalid.push(`EndpointSlice ${name} has ${printable(text)} as an address`);
    else if (range !== undefined) refused.push({ address, slice: name, range });
    else endpoints.push(readEndpoint(item, address, port));
  }
  const list = listOfEndpoints(endpoints);
  const ipv6 = list.filter(({ address }) => isIPv6(address)).length;
  return { port, by: denied, endpoints: list, ipv6, denied: refused, invalid };
}

/** Of one address and port. */
function isSameTelling(a: SourceEndpoint, b: SourceEndpoint): boolean {
  return (
    a.targetUid === b.targetUid &&
    a.ready === b.ready &&
    a.serving === b.serving &&
    a.terminating === b.terminating &&
    a.podName === b.podName &&
    a.nodeName === b.nodeName &&
    a.zone === b.zone
  );
}

function readEndpoint(item: SliceEndpoint, address: string, port: number): SourceEndpoint {
  const { conditions, targetRef, nodeName } = item;
  const ready = conditions?.ready ?? true;
  const podName = targetRef?.kind === 'Pod' ? ifMatches(targetRef.name, POD_NAME) : undefined;
  const zone = ifMatches(item.zone, ZONE);
  return {
    address,
    port,
    targetUid: ifMatches(targetRef?.uid, UID) ?? STATIC_UID,
    ready,
    serving: conditions?.serving ?? ready,
    terminating: conditions?.terminating ?? false,
    ...(podName === undefined ? {} : { podName }),
    ...(nodeName ? { nodeName } : {}),
    ...(zone === undefined ? {} : { zone }),
  };
}

function ifMatches(text: string | null | undefined, pattern: RegExp): string | undefined {
  return typeof text === 'string' && pattern.test(text) ? text : undefined;
}

function printable(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
