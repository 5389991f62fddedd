import type { DeniedAddresses } from '../controller/resolve/denied-addresses.ts';
import { listedWorld } from '../controller/resolve/listed-world.ts';
import type { EndpointSlice, Service, World } from '../controller/resolve/world.ts';
import type { Manifest } from './manifests.ts';

const SERVICE_LABEL = 'kubernetes.io/service-name';

/** The objects of the files as the cluster they would be applied to. */
export function worldOf(objects: Iterable<Manifest>, denied: DeniedAddresses, now: number): World {
  const services: Service[] = [];
  const slices: [string, EndpointSlice][] = [];
  for (const manifest of objects) {
    if (manifest.kind === 'Service') services.push(located(manifest) as Service);
    if (manifest.kind === 'EndpointSlice') {
      const labels = (manifest.object['metadata'] as { labels?: Record<string, unknown> }).labels ?? {};
      slices.push([String(labels[SERVICE_LABEL]), located(manifest) as EndpointSlice]);
    }
  }
  return listedWorld({ services, slices, denied, now });
}

/** As the API server would return it: with its namespace. */
function located({ object, namespace }: Manifest): unknown {
  const metadata = { ...(object['metadata'] as object), namespace };
  return { ...object, metadata };
}
