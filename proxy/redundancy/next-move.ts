import { isFree, type LeaseSpec } from '../../lib/lease.ts';

/** What one proxy sees of the Lease, and of itself. */
export interface LeaseView {
  readonly spec: LeaseSpec;
  /** How long the Lease has been as it is, as far as this proxy could see all that time. */
  readonly unchangedMs: number;
  readonly leaseMs: number;
  readonly identity: string;
  /** This proxy could take all the traffic now. */
  readonly ready: boolean;
  /** The holder was asked itself, and does not live. */
  readonly holderIsDead: boolean;
}

export const TAKEOVER_REASONS = ['Released', 'Expired', 'Unreachable'] as const;
export type TakeoverReason = (typeof TAKEOVER_REASONS)[number];

export type Move =
  | { readonly kind: 'take'; readonly why: TakeoverReason }
  | { readonly kind: 'renew' | 'release' | 'wait' };

/**
 * Whoever is active stays it, for as long as it can: there is no favourite to go back to, so a proxy that returns
 * costs nobody a connection.
 */
export function nextMove(view: LeaseView): Move {
  const { spec, unchangedMs, leaseMs, identity, ready, holderIsDead } = view;
  if (spec.holderIdentity === identity) return { kind: ready ? 'renew' : 'release' };
  if (!ready) return { kind: 'wait' };
  if (isFree(spec, 0, leaseMs)) return { kind: 'take', why: 'Released' };
  if (holderIsDead) return { kind: 'take', why: 'Unreachable' };
  return isFree(spec, unchangedMs, leaseMs) ? { kind: 'take', why: 'Expired' } : { kind: 'wait' };
}
