import type { EndpointCondition } from '../../api/snapshot.ts';
import type { SourceEndpoint } from './slice-reading.ts';

interface Policy {
  readonly terminatingEndpoints: 'Drain' | 'Exclude';
  /** Of the Service: its endpoints count as ready whatever their readiness says. */
  readonly publishNotReadyAddresses: boolean;
}

/**
 * Where each endpoint of a backend stands; undefined: it counts as gone. Ready ones take traffic; only when there is
 * none do those that are going away but still serve, so that a backend whose last pods terminate together serves to
 * the end.
 */
export function conditionsOf(
  endpoints: readonly SourceEndpoint[],
  { terminatingEndpoints, publishNotReadyAddresses }: Policy,
): (endpoint: SourceEndpoint) => EndpointCondition | undefined {
  const isGone = ({ terminating }: SourceEndpoint): boolean =>
    terminating && terminatingEndpoints === 'Exclude';
  const isReady = ({ ready }: SourceEndpoint): boolean => ready || publishNotReadyAddresses;
  const hasReady = endpoints.some((endpoint) => isReady(endpoint) && !isGone(endpoint));
  return (endpoint) => {
    if (isGone(endpoint)) return undefined;
    if (isReady(endpoint)) return 'Ready';
    if (!endpoint.terminating || !endpoint.serving) return 'NotReady';
    return hasReady ? 'Terminating' : 'Ready';
  };
}
