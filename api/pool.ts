import type { PoolSpec, PoolStatus } from './pool.gen.ts';

/** The LoadBalancerPool as the API server returns it, or as `api/validate` leaves it: with its defaults filled in. */
export interface LoadBalancerPool {
  readonly apiVersion: typeof POOL_API_VERSION;
  readonly kind: typeof POOL_KIND;
  readonly metadata: PoolMetadata;
  readonly spec: PoolSpec;
  readonly status?: PoolStatus;
}

export interface PoolMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** RFC 3339, whole seconds. */
  readonly creationTimestamp: string;
  readonly generation: number;
}

export const POOL_API_VERSION = 'evenkeel.dev/v1alpha1';
export const POOL_KIND = 'LoadBalancerPool';
