import type { EndpointState } from '../state/endpoint-state.ts';
import { BetterOfTwo } from './better-of-two.ts';
import type { PickContext, Picker, PickerInput, PickFailure } from './picker.ts';

/** Of two endpoints drawn by weight, the one with fewer in flight for its weight. */
export class PowerOfTwoChoices implements Picker {
  readonly #pair: BetterOfTwo;

  constructor({ eligible, rng }: PickerInput) {
    this.#pair = new BetterOfTwo(eligible, rng, isLessBusy);
  }

  pick(ctx: PickContext): EndpointState | PickFailure {
    return this.#pair.pick(ctx);
  }
}

function isLessBusy(one: EndpointState, other: EndpointState): boolean {
  return one.inFlight * other.effectiveWeight < other.inFlight * one.effectiveWeight;
}
