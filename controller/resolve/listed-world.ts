import type { DeniedAddresses } from './denied-addresses.ts';
import type { EndpointSlice, Service, World } from './world.ts';

export interface Listed {
  readonly services: Iterable<Service>;
  /** Each with the name of the Service that it belongs to. */
  readonly slices: Iterable<readonly [service: string, slice: EndpointSlice]>;
  /** An annotation of a pod; absent: no pods are known. */
  readonly podAnnotation?: World['podAnnotation'];
  /** Absent, both of them: nobody asks for TLS. */
  readonly secret?: World['secret'];
  readonly configMap?: World['configMap'];
  readonly ticketSecret?: string;
  readonly denied: DeniedAddresses;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A world of objects that were all listed at once: from files, or from an API server that nobody watches. */
export function listedWorld({ services, slices, podAnnotation, secret, configMap, ...rest }: Listed): World {
  const serviceOf = new Map<string, Service>();
  for (const service of services) {
    serviceOf.set(`${service.metadata.namespace}/${service.metadata.name}`, service);
  }
  const slicesOf = new Map<string, EndpointSlice[]>();
  for (const [service, slice] of slices) {
    const key = `${slice.metadata.namespace}/${service}`;
    const known = slicesOf.get(key);
    if (known === undefined) slicesOf.set(key, [slice]);
    else known.push(slice);
  }
  return {
    service: (namespace, name) => serviceOf.get(`${namespace}/${name}`),
    endpointSlices: (namespace, service) => slicesOf.get(`${namespace}/${service}`) ?? [],
    podAnnotation: podAnnotation ?? (() => undefined),
    secret: secret ?? (() => undefined),
    configMap: configMap ?? (() => undefined),
    ...(secret === undefined ? { withoutTls: true } : {}),
    ...rest,
  };
}
