import type { PoolSpec, PoolStatus } from '../../api/pool.gen.ts';
import { POOL_API_VERSION, POOL_KIND, type LoadBalancerPool } from '../../api/pool.ts';
import type { KubeObject } from '../kube/objects.ts';
import type { ConfigMap, EndpointSlice, Secret, Service, SliceEndpoint } from '../resolve/world.ts';

/** Of each kind, what this project reads: the rest of an object is dropped before it is stored. */

/** A pool as it is stored: with what its status is written against. */
export interface StoredPool extends LoadBalancerPool {
  readonly resourceVersion: string;
}

export function trimPool({ metadata, ...rest }: KubeObject): StoredPool {
  const { spec, status } = rest as { spec: PoolSpec; status?: PoolStatus };
  const { name, namespace = '', uid, creationTimestamp = '', generation = 0 } = metadata;
  return {
    apiVersion: POOL_API_VERSION,
    kind: POOL_KIND,
    metadata: { name, namespace, uid, creationTimestamp, generation },
    resourceVersion: metadata.resourceVersion,
    spec,
    ...(status === undefined ? {} : { status }),
  };
}

export function trimService({ metadata, ...rest }: KubeObject): Service {
  const { spec } = rest as Partial<Service>;
  const { name, namespace = '' } = metadata;
  const { type, ports, publishNotReadyAddresses, ipFamilies } = spec ?? {};
  return {
    metadata: { name, namespace },
    spec: {
      ...(type === undefined ? {} : { type }),
      ...(ports === undefined ? {} : { ports }),
      ...(publishNotReadyAddresses === undefined ? {} : { publishNotReadyAddresses }),
      ...(ipFamilies === undefined ? {} : { ipFamilies }),
    },
  };
}

/** The label by which a slice belongs to a Service. */
export const SERVICE_LABEL = 'kubernetes.io/service-name';

export interface StoredSlice extends EndpointSlice {
  readonly service: string;
}

export function trimSlice({ metadata, ...rest }: KubeObject): StoredSlice {
  const { addressType, ports, endpoints } = rest as Omit<EndpointSlice, 'metadata'>;
  const { name, namespace = '', labels } = metadata;
  return {
    metadata: { name, namespace },
    service: labels?.[SERVICE_LABEL] ?? '',
    addressType,
    ports: ports ?? [],
    endpoints: (endpoints ?? []).map(trimEndpoint),
  };
}

function trimEndpoint(endpoint: SliceEndpoint): SliceEndpoint {
  const { addresses, conditions = {}, targetRef, nodeName = null, zone = null } = endpoint;
  const trimmed = { addresses, conditions, nodeName, zone };
  if (targetRef === undefined) return trimmed;
  const { kind = '', name = '', uid = '' } = targetRef;
  return { ...trimmed, targetRef: { kind, name, uid } };
}

export interface StoredPod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly annotations: Readonly<Record<string, string>>;
  };
}

/** @param annotation the only one that is kept */
export function trimPod(annotation: string): (pod: KubeObject) => StoredPod {
  return ({ metadata: { name, namespace = '', annotations } }) => {
    const value = annotations?.[annotation];
    return {
      metadata: { name, namespace, annotations: value === undefined ? {} : { [annotation]: value } },
    };
  };
}

/** The keys of a Secret that pools can refer to; ConfigMaps have the last. */
const CREDENTIAL_KEYS = ['tls.crt', 'tls.key', 'ca.crt'];

export function trimSecret({ metadata, ...rest }: KubeObject): Secret {
  const { type = 'Opaque', data } = rest as Partial<Secret>;
  const { name, namespace = '' } = metadata;
  return { metadata: { name, namespace }, type, data: pick(data, CREDENTIAL_KEYS) };
}

export function trimConfigMap({ metadata, ...rest }: KubeObject): ConfigMap {
  const { name, namespace = '' } = metadata;
  return { metadata: { name, namespace }, data: pick((rest as Partial<ConfigMap>).data, ['ca.crt']) };
}

function pick(data: Readonly<Record<string, string>> = {}, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    keys.flatMap((key) => (Object.hasOwn(data, key) ? [[key, data[key]!] as const] : [])),
  );
}
