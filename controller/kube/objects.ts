/** What every object of the API has, as far as this project looks at it. */

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface KubeObject {
  readonly metadata: ObjectMeta;
}

/** A kind as the API server serves it. */
export interface Resource {
  /** `/api/v1` or `/apis/<group>/<version>`. */
  readonly groupVersion: string;
  readonly plural: string;
}

/** @param namespace absent: all namespaces (for lists and watches), or a cluster-scoped object */
export function resourcePath({ groupVersion, plural }: Resource, namespace?: string, name?: string): string {
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${groupVersion}${scope}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

export const LEASES: Resource = { groupVersion: '/apis/coordination.k8s.io/v1', plural: 'leases' };
export const EVENTS: Resource = { groupVersion: '/apis/events.k8s.io/v1', plural: 'events' };
export const POOLS: Resource = { groupVersion: '/apis/evenkeel.dev/v1alpha1', plural: 'loadbalancerpools' };
export const CRDS: Resource = {
  groupVersion: '/apis/apiextensions.k8s.io/v1',
  plural: 'customresourcedefinitions',
};
export const SERVICES: Resource = { groupVersion: '/api/v1', plural: 'services' };
export const SECRETS: Resource = { groupVersion: '/api/v1', plural: 'secrets' };
export const CONFIG_MAPS: Resource = { groupVersion: '/api/v1', plural: 'configmaps' };
export const PODS: Resource = { groupVersion: '/api/v1', plural: 'pods' };
export const ENDPOINT_SLICES: Resource = {
  groupVersion: '/apis/discovery.k8s.io/v1',
  plural: 'endpointslices',
};
