import type { PoolStatus } from '../../api/pool.gen.ts';
import type { ProxyInput } from './input.ts';

/** How long the first status of a generation waits for the proxies' answers. */
const SETTLE_MS = 2_000;

export interface GenerationSeen {
  readonly generation: number;
  /** When it was first seen; monotonic milliseconds. */
  readonly since: number;
  /** Of what proxies should have of it; absent: nothing, so there is no answer to wait for. */
  readonly digest: string | undefined;
}

/**
 * Until when the first status of a generation waits, in monotonic milliseconds: what the proxies answer in a moment
 * makes one write of two. Undefined: it does not wait, because this generation has a status, every proxy that is
 * connected has answered, or they were given long enough.
 */
export function firstStatusWaitsUntil(
  { generation, since, digest }: GenerationSeen,
  before: PoolStatus | undefined,
  proxies: readonly ProxyInput[],
  now: number,
): number | undefined {
  const until = since + SETTLE_MS;
  if (before?.observedGeneration === generation || digest === undefined || now >= until) return undefined;
  const answered = proxies.every(
    ({ connected, applied, refused }) => !connected || applied === digest || refused?.digest === digest,
  );
  return answered ? undefined : until;
}
