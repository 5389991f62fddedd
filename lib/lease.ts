/**
 * What a Lease (coordination.k8s.io/v1) says, and how it is held and let go: the same for the controllers, one of
 * which leads, and for the proxies, one of which may be the active one.
 */
export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly leaseTransitions?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
}

/**
 * Nobody holds it: it was released, or was not renewed for as long as it says that it lasts (`leaseMs` when it does
 * not say). How long it has been unchanged is measured by who watches it, so that no two wall clocks are compared.
 */
export function isFree(spec: LeaseSpec | undefined, unchangedMs: number, leaseMs: number): boolean {
  if (spec?.holderIdentity === undefined || spec.holderIdentity === '') return true;
  const { leaseDurationSeconds } = spec;
  return unchangedMs > (leaseDurationSeconds === undefined ? leaseMs : leaseDurationSeconds * 1_000);
}

/** As its holder lets it go, for another to take at once. */
export function released({ acquireTime, leaseTransitions }: LeaseSpec, wallMs: number): LeaseSpec {
  return {
    holderIdentity: '',
    leaseDurationSeconds: 1,
    ...(acquireTime === undefined ? {} : { acquireTime }),
    ...(leaseTransitions === undefined ? {} : { leaseTransitions }),
    renewTime: microTime(wallMs),
  };
}

/** `metav1.MicroTime`: the API server refuses milliseconds. */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace('Z', '000Z');
}
