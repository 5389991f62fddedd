import { canonicalAddress } from '../../api/address.ts';
import { WEIGHT_ANNOTATION } from '../../api/conditions.ts';
import type { BackendSpec, PoolSpec, ServiceSource, StaticSource } from '../../api/pool.gen.ts';
import type { Problem } from '../../api/problem.ts';
import type { Backend, Endpoint, EndpointCondition } from '../../api/snapshot.ts';
import type { BackendUse } from './backend-uses.ts';
import { conditionsOf } from './eligibility.ts';
import { endpointsOfSlices } from './endpoint-slices.ts';
import { findServicePort } from './service-ports.ts';
import { STATIC_UID, type SourceEndpoint } from './slice-reading.ts';
import { parseWeight } from './weights.ts';
import type { World } from './world.ts';

export interface ResolvedBackend {
  readonly appProtocol: Backend['appProtocol'];
  /** In canonical order. */
  readonly endpoints: readonly Endpoint[];
  readonly problems: readonly Problem[];
}

interface Context {
  readonly spec: PoolSpec;
  readonly namespace: string;
  readonly world: World;
  readonly use: BackendUse;
  /** Of the backend, such as `spec.backends[0]`. */
  readonly path: string;
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
  const { namespace, world, use, path } = context;
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
  });
  const appProtocol = toAppProtocol(slices.appProtocol);
  const conditionOf = conditionsOf(slices.endpoints, {
    terminatingEndpoints: context.spec.lifecycle.terminatingEndpoints,
    publishNotReadyAddresses: service.spec.publishNotReadyAddresses ?? false,
  });
  const { endpoints, problems } = toEndpoints(slices.endpoints, conditionOf, context);
  if (use.http && !hasTls && NEEDS_TLS.has(slices.appProtocol ?? '')) {
    const message = `port ${source.port} of Service ${source.name} speaks ${slices.appProtocol}, which needs tls on the backend`;
    const at = `${path}.service.port`;
    return nothing({ condition: 'ResolvedRefs', reason: 'UnsupportedAppProtocol', path: at, message });
  }
  return {
    appProtocol,
    endpoints,
    problems: [
      ...problems,
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

function toEndpoints(
  sources: readonly SourceEndpoint[],
  conditionOf: (source: SourceEndpoint) => EndpointCondition | undefined,
  { spec, namespace, world, path }: Context,
): { endpoints: Endpoint[]; problems: Problem[] } {
  const isWeighted = spec.loadBalancing.endpointWeight !== undefined;
  const endpoints: Endpoint[] = [];
  const bad: string[] = [];
  for (const source of sources) {
    const condition = conditionOf(source);
    if (condition === undefined) continue;
    const { podName } = source;
    const text =
      isWeighted && podName !== undefined
        ? world.podAnnotation(namespace, podName, WEIGHT_ANNOTATION)
        : undefined;
    const weight = text === undefined ? 1 : parseWeight(text);
    if (weight === undefined) bad.push(podName ?? source.address);
    endpoints.push(endpointOf(source, condition, weight ?? 1));
  }
  if (bad.length === 0) return { endpoints, problems: [] };
  const pods = bad.toSorted().slice(0, 3).join(', ');
  const message = `annotation ${WEIGHT_ANNOTATION} is no whole number from 0 to 1000000 on ${bad.length} pods, such as ${pods}; they count 1`;
  return { endpoints, problems: [{ condition: 'Degraded', reason: 'InvalidWeight', path, message }] };
}

/** What has not changed stays the same object, so that comparing two snapshots is quick. */
const made = new WeakMap<SourceEndpoint, Endpoint>();

function endpointOf(source: SourceEndpoint, condition: EndpointCondition, weight: number): Endpoint {
  const known = made.get(source);
  if (known?.condition === condition && known.weight === weight) return known;
  const { address, port, targetUid, zone, nodeName, podName } = source;
  const endpoint: Endpoint = {
    address,
    port,
    targetUid,
    condition,
    weight,
    ...(zone === undefined ? {} : { zone }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(podName === undefined ? {} : { podName }),
  };
  made.set(source, endpoint);
  return endpoint;
}

/** Names of a Service's appProtocol that promise TLS. */
const NEEDS_TLS: ReadonlySet<string> = new Set(['https', 'kubernetes.io/wss']);

/** Everything that does not promise HTTP/2 is spoken to in HTTP/1.1. */
function toAppProtocol(appProtocol: string | undefined): Backend['appProtocol'] {
  return appProtocol === 'kubernetes.io/h2c' || appProtocol === 'grpc' ? 'h2c' : 'http1';
}
