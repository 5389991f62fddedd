import { mix32 } from '../balancer/mix.ts';
import { murmur3 } from '../balancer/murmur3.ts';
import type { PickContext, PickFailure } from '../balancer/picker.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import type { Upstream } from './upstream.ts';

export interface WeightedUpstream {
  readonly upstream: Upstream;
  /** Above 0. */
  readonly weight: number;
}

interface Candidate extends WeightedUpstream {
  /** Of the backend's name: the same on every proxy. */
  readonly hash: number;
  /** Smooth weighted round robin: what it is owed. */
  credit: number;
}

/**
 * Chooses a backend among those of one priority, by weight: smoothly in turn (each worker for itself), or, when the
 * algorithm hashes, by the same key, so that a client stays with a backend and a changed weight moves no more
 * clients than it must.
 *
 * At most 32 backends.
 */
export class BackendChoice {
  readonly #candidates: readonly Candidate[];
  readonly #byHash: boolean;

  constructor(members: readonly WeightedUpstream[], byHash: boolean) {
    this.#candidates = members.map(({ upstream, weight }) => {
      return { upstream, weight, hash: murmur3(upstream.name, 0), credit: 0 };
    });
    this.#byHash = byHash;
  }

  /** Of the upstreams, in the shared table. */
  get slots(): readonly number[] {
    return this.#candidates.map(({ upstream }) => upstream.slot);
  }

  /** Do requests wait for every one of these backends? */
  get awaited(): boolean {
    // Asked for each request: an index instead of an iterator, which would be allocated.
    for (let index = 0; index < this.#candidates.length; index++) {
      if (!this.#candidates[index]!.upstream.waiters.any) return false;
    }
    return true;
  }

  get eligible(): number {
    return this.#candidates.reduce((sum, { upstream }) => sum + upstream.eligible, 0);
  }

  get available(): number {
    return this.#candidates.reduce((sum, { upstream }) => sum + upstream.available, 0);
  }

  sinceChangeMs(nowMs: number): number {
    return Math.min(...this.#candidates.map(({ upstream }) => upstream.sinceChangeMs(nowMs)));
  }

  /**
   * Acquires an endpoint of a backend; when all of that one are full or tried, of another. `open`: among available
   * endpoints instead of eligible ones.
   */
  pick(ctx: PickContext, open: boolean): EndpointState | PickFailure {
    if (this.#candidates.length === 1) return pickFrom(this.#candidates[0]!.upstream, ctx, open);
    let failure: PickFailure = 'none-eligible';
    let passed = 0;
    for (;;) {
      const index = this.#byHash ? this.#byKey(ctx.hashKey, passed, open) : this.#inTurn(passed, open);
      if (index === -1) return failure;
      const picked = pickFrom(this.#candidates[index]!.upstream, ctx, open);
      if (typeof picked !== 'string') return picked;
      if (picked === 'all-full') failure = picked;
      passed |= 1 << index;
    }
  }

  /** Smooth weighted round robin over the candidates that have something to offer. */
  #inTurn(passed: number, open: boolean): number {
    let chosen = -1;
    let total = 0;
    for (let index = 0; index < this.#candidates.length; index++) {
      const candidate = this.#candidates[index]!;
      if (!offers(candidate, passed & (1 << index), open)) continue;
      total += candidate.weight;
      candidate.credit += candidate.weight;
      if (chosen === -1 || candidate.credit > this.#candidates[chosen]!.credit) chosen = index;
    }
    if (chosen !== -1) this.#candidates[chosen]!.credit -= total;
    return chosen;
  }

  /** Weighted rendezvous hashing: the highest of weight / -ln(hash of key and name, in (0, 1)). */
  #byKey(key: number, passed: number, open: boolean): number {
    let chosen = -1;
    let best = 0;
    for (let index = 0; index < this.#candidates.length; index++) {
      const candidate = this.#candidates[index]!;
      if (!offers(candidate, passed & (1 << index), open)) continue;
      const uniform = ((mix32(key ^ candidate.hash) >>> 0) + 0.5) / 2 ** 32;
      const score = candidate.weight / -Math.log(uniform);
      if (chosen === -1 || score > best) {
        chosen = index;
        best = score;
      }
    }
    return chosen;
  }
}

function offers({ upstream }: Candidate, passed: number, open: boolean): boolean {
  return passed === 0 && (open ? upstream.available : upstream.eligible) > 0;
}

function pickFrom(upstream: Upstream, ctx: PickContext, open: boolean): EndpointState | PickFailure {
  return open ? upstream.pickOpen(ctx) : upstream.pick(ctx);
}
