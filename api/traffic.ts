/** What a pool has carried since somebody began to count. */
export interface PoolTraffic {
  /** `namespace/name`. */
  readonly pool: string;
  /** Requests, and sessions of TCP and UDP. */
  readonly requests: number;
  /** Of those, the ones that were answered with a 5xx status, or whose session failed. */
  readonly failed: number;
}
