import type { Rng } from '../../lib/clock.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import { acquireAny } from './acquire-any.ts';
import type { PickContext, PickFailure } from './picker.ts';
import { drawByWeight, type WeightedDraw } from './weighted-draw.ts';

/** Pairs that are thrown away, because both are full or tried, before any other endpoint will do. */
const MAX_PAIRS = 8;
/** With very unequal weights the second draw mostly gives the first again. */
const MAX_SECOND_DRAWS = 3;

/**
 * Draws two endpoints by weight and acquires the better one: nearly as good as looking at all of them, and without
 * the herd that follows when all workers see the same best one.
 */
export class BetterOfTwo {
  readonly #eligible: readonly EndpointState[];
  readonly #draw: WeightedDraw | undefined;
  readonly #rng: Rng;
  readonly #isBetter: (one: EndpointState, other: EndpointState) => boolean;

  /** @param isBetter strictly: of equals the one drawn first is taken */
  constructor(
    eligible: readonly EndpointState[],
    rng: Rng,
    isBetter: (one: EndpointState, other: EndpointState) => boolean,
  ) {
    this.#eligible = eligible;
    this.#draw = drawByWeight(eligible);
    this.#rng = rng;
    this.#isBetter = isBetter;
  }

  pick(ctx: PickContext): EndpointState | PickFailure {
    if (this.#draw === undefined) return 'none-eligible';
    let first = 0;
    for (let pair = 0; pair < MAX_PAIRS; pair++) {
      first = this.#draw.at(this.#rng());
      const one = this.#eligible[first]!;
      const other = this.#eligible[this.#second(first)]!;
      const oneFits = fits(one, ctx);
      const otherFits = other !== one && fits(other, ctx);
      if (!oneFits && !otherFits) continue;
      const chosen = !oneFits || (otherFits && this.#isBetter(other, one)) ? other : one;
      if (chosen.tryAcquire(ctx.maxInFlight)) return chosen;
    }
    return acquireAny(this.#eligible, first, ctx);
  }

  #second(first: number): number {
    const draw = this.#draw!;
    if (draw.equal) {
      const others = this.#eligible.length - 1;
      if (others === 0) return first;
      const index = Math.floor(this.#rng() * others);
      return index < first ? index : index + 1;
    }
    for (let again = 0; again < MAX_SECOND_DRAWS; again++) {
      const index = draw.at(this.#rng());
      if (index !== first) return index;
    }
    return first;
  }
}

function fits(endpoint: EndpointState, { tried, maxInFlight }: PickContext): boolean {
  return endpoint.inFlight < maxInFlight && (tried.length === 0 || !tried.includes(endpoint));
}
