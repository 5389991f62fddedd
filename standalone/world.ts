import type { DeniedAddresses } from '../controller/resolve/denied-addresses.ts';
import type { EndpointSlice, Service, World } from '../controller/resolve/world.ts';
import type { Manifest } from './manifests.ts';

const SERVICE_LABEL = 'kubernetes.io/service-name';

/** The objects of the files as the cluster they would be applied to. */
export function worldOf(objects: Iterable<Manifest>, denied: DeniedAddresses, now: number): World {
  const services = new Map<string, Service>();
  const slices = new Map<string, EndpointSlice[]>();
  for (const manifest of objects) {
    const id = `${manifest.namespace}/${manifest.name}`;
    if (manifest.kind === 'Service') services.set(id, located(manifest) as Service);
    if (manifest.kind === 'EndpointSlice') {
      const labels = (manifest.object['metadata'] as { labels?: Record<string, unknown> }).labels ?? {};
      const service = `${manifest.namespace}/${String(labels[SERVICE_LABEL])}`;
      slices.set(service, [...(slices.get(service) ?? []), located(manifest) as EndpointSlice]);
    }
  }
  return {
    service: (namespace, name) => services.get(`${namespace}/${name}`),
    endpointSlices: (namespace, service) => slices.get(`${namespace}/${service}`) ?? [],
    podAnnotation: () => undefined,
    denied,
    now,
  };
}

/** As the API server would return it: with its namespace. */
function located({ object, namespace }: Manifest): unknown {
  const metadata = { ...(object['metadata'] as object), namespace };
  return { ...object, metadata };
}
