import { isIPv6 } from '../../api/address.ts';
import type { DeniedAddresses } from './denied-addresses.ts';
import { unionOfEndpoints } from './endpoint-union.ts';
import {
  STATIC_UID,
  readSlice,
  type DeniedEndpoint,
  type SliceReading,
  type SourceEndpoint,
} from './slice-reading.ts';
import type { EndpointSlice, ServicePort, SlicePort } from './world.ts';

export interface ServiceEndpoints extends SliceReading {
  /** What the endpoints speak, when a slice or the Service says so. */
  readonly appProtocol?: string;
}

/**
 * The union of a Service's slices for one of its ports, the same set whatever the order of slices and of what is in
 * them. An endpoint that is in two slices (it is being moved) counts once, in the better of its two conditions. A pod
 * with addresses of both families counts once, in the Service's first family.
 */
export function endpointsOfSlices(
  slices: readonly EndpointSlice[],
  port: ServicePort,
  { denied, primaryFamily }: { denied: DeniedAddresses; primaryFamily: string },
): ServiceEndpoints {
  const lists: (readonly SourceEndpoint[])[] = [];
  const refused: DeniedEndpoint[] = [];
  const invalid: string[] = [];
  const appProtocols = new Set<string>();

  for (const slice of slices.toSorted((a, b) => compareText(a.metadata.name, b.metadata.name))) {
    const slicePort = portOfSlice(slice, port);
    if (slicePort === undefined) continue;
    if (slicePort.port === undefined || slicePort.port === null) {
      invalid.push(`EndpointSlice ${slice.metadata.name} gives no number for port ${port.name ?? port.port}`);
      continue;
    }
    if (slicePort.appProtocol) appProtocols.add(slicePort.appProtocol);
    const reading = readSlice(slice, slicePort.port, denied);
    refused.push(...reading.denied);
    invalid.push(...reading.invalid);
    lists.push(reading.endpoints);
  }

  const appProtocol = [...appProtocols].toSorted()[0] ?? port.appProtocol;
  return {
    endpoints: oncePerPod(unionOfEndpoints(lists), primaryFamily),
    denied: refused.toSorted((a, b) => compareText(a.address, b.address) || compareText(a.slice, b.slice)),
    invalid: invalid.toSorted(),
    ...(appProtocol === undefined ? {} : { appProtocol }),
  };
}

/** Slices carry the name of the Service's port, whatever its targetPort is called. */
function portOfSlice(slice: EndpointSlice, port: ServicePort): SlicePort | undefined {
  return (slice.ports ?? []).find(
    ({ name, protocol }) =>
      (name ?? '') === (port.name ?? '') && (protocol ?? 'TCP') === (port.protocol ?? 'TCP'),
  );
}

function oncePerPod(endpoints: readonly SourceEndpoint[], primaryFamily: string): readonly SourceEndpoint[] {
  const isPrimary = ({ address }: SourceEndpoint): boolean => isIPv6(address) === (primaryFamily === 'IPv6');
  if (endpoints.every((endpoint) => isPrimary(endpoint))) return endpoints;
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
