/** One endpoint's samples. */
export interface EndpointSample {
  /** `namespace/name`. */
  readonly pool: string;
  readonly backend: string;
  /** `address:port`. */
  readonly endpoint: string;
  readonly ended: number;
  readonly failed: number;
  readonly inFlight: number;
}

export interface EndpointSeries {
  readonly samples: readonly EndpointSample[];
  /** Endpoints for which there was no room. */
  readonly left: number;
}

/**
 * Series of endpoints, bounded. A pool has those of all its endpoints or none, and older pools come first, so that a
 * series does not come and go with what other pools do.
 */
export function endpointSeries(
  pools: readonly { readonly createdAt: number; readonly size: number; read(): EndpointSample[] }[],
  max: number,
): EndpointSeries {
  const samples: EndpointSample[] = [];
  let left = 0;
  for (const pool of pools.toSorted((a, b) => a.createdAt - b.createdAt)) {
    if (samples.length + pool.size <= max) samples.push(...pool.read());
    else left += pool.size;
  }
  return { samples, left };
}
