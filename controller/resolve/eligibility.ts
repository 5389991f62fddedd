import type { EndpointCondition } from '../../api/snapshot.ts';
import type { SourceEndpoint } from './slice-reading.ts';

export interface Policy {
  readonly terminatingEndpoints: 'Drain' | 'Exclude';
  /** Of the Service: its endpoints count as ready whatever their readiness says. */
  readonly publishNotReadyAddresses: boolean;
}

/**
 * What one endpoint's condition depends on beside itself. Ready ones take traffic; only when there is none do those
 * that are going away but still serve, so that a backend whose last pods terminate together serves to the end.
 */
export interface Company extends Policy {
  readonly hasReady: boolean;
}

export function companyOf(endpoints: readonly SourceEndpoint[], policy: Policy): Company {
  return {
    ...policy,
    hasReady: endpoints.some((endpoint) => isReady(endpoint, policy) && !isGone(endpoint, policy)),
  };
}

/** Where an endpoint of a backend stands; undefined: it counts as gone. */
export function conditionOf(endpoint: SourceEndpoint, company: Company): EndpointCondition | undefined {
  if (isGone(endpoint, company)) return undefined;
  if (isReady(endpoint, company)) return 'Ready';
  if (!endpoint.terminating || !endpoint.serving) return 'NotReady';
  return company.hasReady ? 'Terminating' : 'Ready';
}

function isGone({ terminating }: SourceEndpoint, { terminatingEndpoints }: Policy): boolean {
  return terminating && terminatingEndpoints === 'Exclude';
}

function isReady({ ready }: SourceEndpoint, { publishNotReadyAddresses }: Policy): boolean {
  return ready || publishNotReadyAddresses;
}
