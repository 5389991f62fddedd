import type { PassiveHealth } from '../../api/snapshot.ts';

/**
 * Ejection of outliers: endpoints whose requests fail while nothing else speaks against them. All times are
 * monotonic milliseconds.
 *
 * An ejection lasts its whole time, also when a check passes meanwhile: a check that passes while traffic fails is
 * what ejection is for. A check that fails, or a refusal, takes its place (EndpointHealth). When it is over the endpoint returns if its check passes (or it has none), with its run of
 * failures forgotten, so it takes `consecutiveFailures` new ones to eject it again, for longer.
 */
export interface Candidate {
  /** May take traffic as far as its resource and people are concerned: the cap is a share of these. */
  readonly counted: boolean;
  /** Nothing but an ejection keeps it out. */
  readonly well: boolean;
  /** Failures in a row. */
  readonly run: number;
  readonly ejection?: { readonly endsAt: number } | undefined;
}

export interface OutlierPlan<C> {
  readonly eject: readonly C[];
  readonly restore: readonly C[];
  /** How many more would be ejected but for the cap. */
  readonly held: number;
}

/**
 * Who of a backend's endpoints goes out and who comes back, now.
 *
 * 1. Who is ejected never exceeds floor(counted × maxEjectionPercent / 100); when the set shrinks, those whose time
 *    is over soonest come back early.
 * 2. Over the cap the longest runs go first; the rest stay in, and are taken when a place becomes free.
 * 3. Refused connections and failed checks are no outliers: they neither use the cap up nor are bound by it.
 */
export function planOutliers<C extends Candidate>(
  endpoints: readonly C[],
  passive: PassiveHealth,
  now: number,
): OutlierPlan<C> {
  const ejected = endpoints.filter((endpoint) => endpoint.ejection !== undefined);
  if (passive.mode === 'Disabled') return { eject: [], restore: ejected, held: 0 };

  const counted = endpoints.filter((endpoint) => endpoint.counted).length;
  const cap = Math.floor((counted * passive.maxEjectionPercent) / 100);
  const staying = ejected
    .filter((endpoint) => endpoint.ejection!.endsAt > now)
    .sort((a, b) => b.ejection!.endsAt - a.ejection!.endsAt)
    .slice(0, cap);
  const kept = new Set(staying);
  const failing = endpoints
    .filter((endpoint) => endpoint.counted && endpoint.well && endpoint.ejection === undefined)
    .filter((endpoint) => endpoint.run >= passive.consecutiveFailures)
    .sort((a, b) => b.run - a.run);
  const eject = failing.slice(0, cap - staying.length);
  return {
    eject,
    restore: ejected.filter((endpoint) => !kept.has(endpoint)),
    held: failing.length - eject.length,
  };
}

/** How often an endpoint was ejected, and when that was last over. */
export interface EjectionHistory {
  readonly count: number;
  readonly endedAt: number;
}

/**
 * The next ejection's place in the back-off: 0 for the first one. An endpoint that has stayed in for
 * `maxEjectionMs` since its last one starts anew.
 */
export function ejectionStep(
  history: EjectionHistory,
  passive: { readonly maxEjectionMs: number },
  now: number,
): number {
  return now - history.endedAt >= passive.maxEjectionMs ? 0 : history.count;
}

/** baseEjectionMs × 2^step, at most maxEjectionMs. */
export function ejectionMs(
  step: number,
  passive: { readonly baseEjectionMs: number; readonly maxEjectionMs: number },
): number {
  return Math.min(passive.baseEjectionMs * 2 ** step, passive.maxEjectionMs);
}
