import type { World } from '../resolve/world.ts';
import type { ClusterState } from './cluster-state.ts';

/** What pools are looked up in as the cluster is now. It follows the cluster: `now` alone does not move. */
export function clusterWorld(
  state: ClusterState,
  terms: Pick<World, 'denied' | 'now'> & { readonly ticketSecret: string | undefined },
): World {
  const { denied, now, ticketSecret } = terms;
  return {
    service: (namespace, name) => state.service(namespace, name),
    endpointSlices: (namespace, service) => state.endpointSlices(namespace, service),
    podAnnotation: (namespace, pod, annotation) => state.podAnnotation(namespace, pod, annotation),
    secret: (namespace, name) => state.credentials.secret(namespace, name),
    configMap: (namespace, name) => state.credentials.configMap(namespace, name),
    ...(ticketSecret === undefined ? {} : { ticketSecret }),
    denied,
    now,
  };
}
