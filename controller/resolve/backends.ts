import { canonicalAddress } from '../../api/address.ts';
import { WEIGHT_ANNOTATION } from '../../api/conditions.ts';
import type { BackendSpec, PoolSpec, ServiceSource, StaticSource } from '../../api/pool.gen.ts';
import type { Problem } from '../../api/problem.ts';
import type { Backend, Endpoint } from '../../api/snapshot.ts';
import type { BackendUse } from './backend-uses.ts';
import { endpointsOfSlices, type ServiceEndpoints } from './endpoint-slices.ts';
import { findServicePort } from './service-ports.ts';
import { STATIC_UID, type SourceEndpoint } from './slice-reading.ts';
import { standingEndpoints, type StandingEndpoints } from './standing-endpoints.ts';
import { parseWeight } from './weights.ts';
import type { World } from './world.ts';

export interface ResolvedBackend {
  readonly appProtocol: Backend['appProtocol'];
  /** In canonical order. */
  readonly endpoints: readonly Endpoint[];
  readonly problems: readonly Problem[];
  /** What a Service's endpoints were made of. */
  readonly steps?: ServiceSteps;
}

/** The steps from slices to a backend's endpoints: the next resolution takes only those that a change makes needed. */
export interface ServiceSteps {
  readonly slices: ServiceEndpoints;
  readonly standing: StandingEndpoints;
}

interface Context {
  readonly spec: PoolSpec;
  readonly namespace: string;
  readonly world: World;
  readonly use: BackendUse;
  /** Of the backend, such as `spec.backends[0]`. */
  readonly path: string;
  /** Of the backend of this name in the resolution before. */
  readonly before: ServiceSteps | undefined;
}

/** A backend's endpoints. What cannot be used is left out and told; the rest serves. */
export function resolveBackend(backend: BackendSpec, context: Context): ResolvedBackend {
  if (backend.static !== undefined) return resolveStatic(backend.static, context);
  if (backend.service !== undefined)
    return resolveService(backend.service, backend.tls !== undefined, context);
  return { appProtocol: 'http1', endpoints: [], problems: [] };
}

function resolveStatic(source: StaticSource, { world, path }: Context): ResolvedBackend {
  const problems: Problem[] = [];
  const endpoints: Endpoint[] = [];
  for (const [i, { address, port, weight, zone }] of source.endpoints.entries()) {
    const canonical = canonicalAddress(address) ?? address;
    const range = world.denied.reason(canonical);
    if (range !== undefined) {
      const message = `${canonical} is in ${range}, which pools may not reach`;
      const at = `${path}.static.endpoints[${i}].address`;
      problems.push({ condition: 'ResolvedRefs', reason: 'AddressDenied', path: at, message });
      continue;
    }
    if (endpoints.some((known) => known.address === canonical && known.port === port)) continue;
    endpoints.push({
      address: canonical,
      port,
      targetUid: STATIC_UID,
      condition: 'Ready',
      weight,
      position: i,
      ...(zone === undefined ? {} : { zone }),
    });
  }
  return { appProtocol: toAppProtocol(source.appProtocol), endpoints, problems };
}

function resolveService(source: ServiceSource, hasTls: boolean, context: Context): ResolvedBackend {
  const { spec, namespace, world, use, path, before } = context;
  const nothing = (problem: Problem): ResolvedBackend => ({
    appProtocol: 'http1',
    endpoints: [],
    problems: [problem],
  });

  const service = world.service(namespace, source.name);
  if (service === undefined) {
    const message = `there is no Service ${source.name} in namespace ${namespace}`;
    const at = `${path}.service.name`;
    return nothing({ condition: 'ResolvedRefs', reason: 'ServiceNotFound', path: at, message });
  }
  if (service.spec.type === 'ExternalName') {
    const message = `Service ${source.name} is of type ExternalName, which could lead anywhere`;
    const at = `${path}.service.name`;
    return nothing({ condition: 'ResolvedRefs', reason: 'UnsupportedServiceType', path: at, message });
  }
  const lookup = findServicePort(service, source.port, use);
  if (!lookup.ok) {
    const { reason, message } = lookup;
    return nothing({ condition: 'ResolvedRefs', reason, path: `${path}.service.port`, message });
  }

  const slices = endpointsOfSlices(world.endpointSlices(namespace, source.name), lookup.port, {
    denied: world.denied,
    primaryFamily: service.spec.ipFamilies?.[0] ?? 'IPv4',
    before: before?.slices,
  });
  const appProtocol = toAppProtocol(slices.appProtocol);
  const policy = {
    terminatingEndpoints: spec.lifecycle.terminatingEndpoints,
    publishNotReadyAddresses: service.spec.publishNotReadyAddresses ?? false,
  };
  const bad: string[] = [];
  const standing = standingEndpoints(slices.endpoints, policy, {
    ...(spec.loadBalancing.endpointWeight === undefined ? {} : { weightOf: weigher(context, bad) }),
    ...(before === undefined ? {} : { before: before.standing }),
  });
  if (use.http && !hasTls && NEEDS_TLS.has(slices.appProtocol ?? '')) {
    const message = `port ${source.port} of Service ${source.name} speaks ${slices.appProtocol}, which needs tls on the backend`;
    const at = `${path}.service.port`;
    return nothing({ condition: 'ResolvedRefs', reason: 'UnsupportedAppProtocol', path: at, message });
  }
  return {
    appProtocol,
    endpoints: standing.endpoints,
    steps: { slices, standing },
    problems: [
      ...invalidWeights(bad, path),
      ...summarise(
        'InvalidEndpoint',
        path,
        slices.invalid.map((line) => `${line}, which cannot be used`),
      ),
      ...summarise(
        'AddressDenied',
        path,
        slices.denied.map(
          ({ address, slice, range }) =>
            `${address} in EndpointSlice ${slice} is in ${range}, which pools may not reach`,
        ),
      ),
    ],
  };
}

/** One problem for any number of lines: a condition has room for the first few. */
function summarise(
  reason: 'InvalidEndpoint' | 'AddressDenied',
  path: string,
  lines: readonly string[],
): Problem[] {
  if (lines.length === 0) return [];
  const shown = lines.slice(0, 3).join('; ');
  const message = lines.length > 3 ? `${shown}; and ${lines.length - 3} more` : shown;
  return [{ condition: 'ResolvedRefs', reason, path: `${path}.service`, message }];
}

/**
 * What pods weigh by their annotations.
 * @param bad gets the names of those whose annotation says nothing that can be used
 */
function weigher({ namespace, world }: Context, bad: string[]): (source: SourceEndpoint) => number {
  return ({ podName }) => {
    const text =
      podName === undefined ? undefined : world.podAnnotation(namespace, podName, WEIGHT_ANNOTATION);
    const weight = text === undefined ? 1 : parseWeight(text);
    if (weight === undefined) bad.push(podName!);
    return weight ?? 1;
  };
}

function invalidWeights(bad: readonly string[], path: string): Problem[] {
  if (bad.length === 0) return [];
  const pods = bad.toSorted().slice(0, 3).join(', ');
  const message = `annotation ${WEIGHT_ANNOTATION} is no whole number from 0 to 1000000 on ${bad.length} pods, such as ${pods}; they count 1`;
  return [{ condition: 'Degraded', reason: 'InvalidWeight', path, message }];
}

/** Names of a Service's appProtocol that promise TLS. */
const NEEDS_TLS: ReadonlySet<string> = new Set(['https', 'kubernetes.io/wss']);

/** Everything that does not promise HTTP/2 is spoken to in HTTP/1.1. */
function toAppProtocol(appProtocol: string | undefined): Backend['appProtocol'] {
  return appProtocol === 'kubernetes.io/h2c' || appProtocol === 'grpc' ? 'h2c' : 'http1';
}
