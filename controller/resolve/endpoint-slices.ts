import { isIPv6 } from '../../api/address.ts';
import type { DeniedAddresses } from './denied-addresses.ts';
import { unionOfEndpoints, type EndpointUnion } from './endpoint-union.ts';
import { STATIC_UID, readSlice, type SliceReading, type SourceEndpoint } from './slice-reading.ts';
import type { EndpointSlice, ServicePort, SlicePort } from './world.ts';

/** What a Service's slices tell for one of its ports. */
export interface ServiceEndpoints extends Pick<SliceReading, 'endpoints' | 'denied' | 'invalid'> {
  /** What the endpoints speak, when a slice or the Service says so. */
  readonly appProtocol?: string;
  /** By name of the slice. */
  readonly readings: ReadonlyMap<string, SliceReading>;
  readonly union: EndpointUnion;
}

interface Circumstances {
  readonly denied: DeniedAddresses;
  /** The Service's first. */
  readonly primaryFamily: string;
  /** What its slices told before: of much the same, only what has changed is read. */
  readonly before: ServiceEndpoints | undefined;
}

/**
 * The union of a Service's slices for one of its ports, the same set whatever the order of slices and of what is in
 * them. An endpoint that is in two slices (it is being moved) counts once, in the better of its two conditions. A pod
 * with addresses of both families counts once, in the Service's first family.
 */
export function endpointsOfSlices(
  slices: readonly EndpointSlice[],
  port: ServicePort,
  { denied, primaryFamily, before }: Circumstances,
): ServiceEndpoints {
  const readings = new Map<string, SliceReading>();
  const invalid: string[] = [];
  const appProtocols = new Set<string>();

  for (const slice of slices) {
    const { name } = slice.metadata;
    const slicePort = portOfSlice(slice, port);
    if (slicePort === undefined) continue;
    const { port: number = null, appProtocol } = slicePort;
    // The API server takes any 32-bit integer.
    if (number === null || number < 1 || number > 65_535) {
      const given = number === null ? 'no number' : `the number ${number}`;
      invalid.push(`EndpointSlice ${name} gives ${given} for port ${port.name ?? port.port}`);
      continue;
    }
    if (appProtocol) appProtocols.add(appProtocol);
    readings.set(name, readSlice(slice, number, denied, before?.readings.get(name)));
  }

  const read = [...readings.values()];
  const union = unionOfEndpoints(
    read.map(({ endpoints }) => endpoints),
    before?.union,
  );
  const appProtocol = [...appProtocols].toSorted()[0] ?? port.appProtocol;
  return {
    endpoints: isOfOneFamily(read, primaryFamily)
      ? union.endpoints
      : oncePerPod(union.endpoints, primaryFamily),
    denied: read
      .flatMap((reading) => reading.denied)
      .toSorted((a, b) => compareText(a.address, b.address) || compareText(a.slice, b.slice)),
    invalid: [...invalid, ...read.flatMap((reading) => reading.invalid)].toSorted(),
    ...(appProtocol === undefined ? {} : { appProtocol }),
    readings,
    union,
  };
}

/** Slices carry the name of the Service's port, whatever its targetPort is called. */
function portOfSlice(slice: EndpointSlice, port: ServicePort): SlicePort | undefined {
  return (slice.ports ?? []).find(
    ({ name, protocol }) =>
      (name ?? '') === (port.name ?? '') && (protocol ?? 'TCP') === (port.protocol ?? 'TCP'),
  );
}

function isOfOneFamily(readings: readonly SliceReading[], family: string): boolean {
  return readings.every(({ endpoints, ipv6 }) => ipv6 === (family === 'IPv6' ? endpoints.length : 0));
}

function oncePerPod(endpoints: readonly SourceEndpoint[], primaryFamily: string): readonly SourceEndpoint[] {
  const isPrimary = ({ address }: SourceEndpoint): boolean => isIPv6(address) === (primaryFamily === 'IPv6');
  const inPrimary = new Set(endpoints.filter((each) => isPrimary(each)).map(({ targetUid }) => targetUid));
  return endpoints.filter(
    (endpoint) =>
      isPrimary(endpoint) || endpoint.targetUid === STATIC_UID || !inPrimary.has(endpoint.targetUid),
  );
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
