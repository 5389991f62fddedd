import type { Rng } from '../../lib/clock.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import { acquireAny } from './acquire-any.ts';
import type { PickContext, Picker, PickerInput, PickFailure } from './picker.ts';
import { drawByWeight, type WeightedDraw } from './weighted-draw.ts';

/** Draws that are thrown away, because the endpoint is full or tried, before any other will do. */
const MAX_DRAWS = 16;

/** Any endpoint, by weight. */
export class Random implements Picker {
  readonly #eligible: readonly EndpointState[];
  readonly #draw: WeightedDraw | undefined;
  readonly #rng: Rng;

  constructor({ eligible, rng }: PickerInput) {
    this.#eligible = eligible;
    this.#draw = drawByWeight(eligible);
    this.#rng = rng;
  }

  pick(ctx: PickContext): EndpointState | PickFailure {
    if (this.#draw === undefined) return 'none-eligible';
    let index = 0;
    for (let draw = 0; draw < MAX_DRAWS; draw++) {
      index = this.#draw.at(this.#rng());
      const endpoint = this.#eligible[index]!;
      if (ctx.tried.length > 0 && ctx.tried.includes(endpoint)) continue;
      if (endpoint.tryAcquire(ctx.maxInFlight)) return endpoint;
    }
    return acquireAny(this.#eligible, index, ctx);
  }
}
