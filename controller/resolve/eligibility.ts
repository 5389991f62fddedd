import type { EndpointCondition } from '../../api/snapshot.ts';
import type { SourceEndpoint } from './endpoint-slices.ts';

interface Policy {
  readonly terminatingEndpoints: 'Drain' | 'Exclude';
  /** Of the Service: its endpoints count as ready whatever their readiness says. */
  readonly publishNotReadyAddresses: boolean;
}

/**
 * Where each endpoint of a backend stands. Ready ones take traffic; only when there is none do those that are going
 * away but still serve, so that a backend whose last pods terminate together serves to the end.
 */
export function conditionsOf(
  endpoints: readonly SourceEndpoint[],
  { terminatingEndpoints, publishNotReadyAddresses }: Policy,
): { endpoint: SourceEndpoint; condition: EndpointCondition }[] {
  const kept =
    terminatingEndpoints === 'Exclude' ? endpoints.filter(({ terminating }) => !terminating) : endpoints;
  const isReady = ({ ready }: SourceEndpoint): boolean => ready || publishNotReadyAddresses;
  const hasReady = kept.some((endpoint) => isReady(endpoint));
  return kept.map((endpoint) => {
    if (isReady(endpoint)) return { endpoint, condition: 'Ready' };
    if (!endpoint.terminating || !endpoint.serving) return { endpoint, condition: 'NotReady' };
    return { endpoint, condition: hasReady ? 'Terminating' : 'Ready' };
  });
}
