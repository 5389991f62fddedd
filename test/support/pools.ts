import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { LoadBalancerPool } from '../../api/pool.ts';
import { compilePoolValidator } from '../../api/validate/pool-validator.ts';
import {
  denyAddresses,
  CONTROLLER_DENIED_CIDRS,
  type DeniedAddresses,
} from '../../controller/resolve/denied-addresses.ts';
import type { ConfigMap, EndpointSlice, Secret, Service, World } from '../../controller/resolve/world.ts';

/** The repository's own CRD, compiled once for all tests of a file. */
export const poolValidator = compilePoolValidator(
  parse(readFileSync(new URL('../../crds/loadbalancerpools.yaml', import.meta.url), 'utf8')),
);

/** A valid pool `shop/checkout` with its defaults, from the spec that a test names as YAML or as an object. */
export function poolOf(spec: object | string, metadata: object = {}): LoadBalancerPool {
  const validation = poolValidator.validate({
    apiVersion: 'evenkeel.dev/v1alpha1',
    kind: 'LoadBalancerPool',
    metadata: { name: 'checkout', namespace: 'shop', uid: 'uid-1', ...metadata },
    spec: typeof spec === 'string' ? (parse(spec) as object) : spec,
  });
  if (!validation.ok) throw new Error(JSON.stringify(validation.errors));
  return validation.pool;
}

interface WorldOptions {
  readonly services?: readonly Service[];
  readonly slices?: readonly EndpointSlice[];
  /** Annotations by `namespace/pod`. */
  readonly pods?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly secrets?: readonly Secret[];
  readonly configMaps?: readonly ConfigMap[];
  readonly deniedNamespaces?: readonly string[];
  readonly ticketSecret?: string;
  readonly denied?: DeniedAddresses;
  readonly now?: number;
}

/** A slice belongs to the Service whose name is its own without the last part. */
export function worldOf({
  services = [],
  slices = [],
  pods = {},
  secrets = [],
  configMaps = [],
  deniedNamespaces = [],
  ticketSecret,
  denied,
  now = 0,
}: WorldOptions = {}): World {
  const found = <T extends Secret | ConfigMap>(objects: readonly T[], namespace: string, name: string) =>
    deniedNamespaces.includes(namespace)
      ? 'denied'
      : objects.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
  const annotations = new Map(Object.entries(pods).map(([pod, all]) => [pod, new Map(Object.entries(all))]));
  return {
    service: (namespace, name) =>
      services.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
    endpointSlices: (namespace, service) =>
      slices.filter(
        ({ metadata }) =>
          metadata.namespace === namespace && metadata.name.replace(/-[^-]*$/, '') === service,
      ),
    podAnnotation: (namespace, pod, annotation) => annotations.get(`${namespace}/${pod}`)?.get(annotation),
    secret: (namespace, name) => found(secrets, namespace, name),
    configMap: (namespace, name) => found(configMaps, namespace, name),
    ...(ticketSecret === undefined ? {} : { ticketSecret }),
    denied: denied ?? denyAddresses(CONTROLLER_DENIED_CIDRS),
    now,
  };
}

export function serviceOf(name: string, spec: Partial<Service['spec']> = {}): Service {
  return {
    metadata: { name, namespace: 'shop' },
    spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
  };
}

/** A slice `checkout-a` of the Service `checkout`, port `http` 8080. */
export function sliceOf(
  name: string,
  endpoints: EndpointSlice['endpoints'],
  over: Partial<EndpointSlice> = {},
): EndpointSlice {
  return {
    metadata: { name, namespace: 'shop' },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: endpoints ?? [],
    ...over,
  };
}

export function podEndpoint(
  address: string,
  over: Partial<NonNullable<EndpointSlice['endpoints']>[number]> = {},
): NonNullable<EndpointSlice['endpoints']>[number] {
  return {
    addresses: [address],
    targetRef: { kind: 'Pod', name: `pod-${address}`, uid: `uid-${address}` },
    ...over,
  };
}
