import type { Clock } from '../../lib/clock.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import { BetterOfTwo } from './better-of-two.ts';
import { latencyCost } from '../state/peak-ewma.ts';
import type { PickContext, Picker, PickerInput, PickFailure } from './picker.ts';

/**
 * Of two endpoints drawn by weight, the one whose answer is expected sooner: its latency (peak-sensitive average over
 * all workers) for what it has in flight.
 */
export class LeastLatency implements Picker {
  readonly #pair: BetterOfTwo;
  readonly #clock: Clock;
  readonly #meanWeight: number;
  #nowMs = 0;

  constructor({ eligible, rng, clock }: PickerInput) {
    this.#clock = clock;
    const weight = eligible.reduce((sum, { effectiveWeight }) => sum + effectiveWeight, 0);
    this.#meanWeight = weight / eligible.length;
    this.#pair = new BetterOfTwo(eligible, rng, (one, other) => this.#cost(one) < this.#cost(other));
  }

  pick(ctx: PickContext): EndpointState | PickFailure {
    this.#nowMs = this.#clock.now();
    return this.#pair.pick(ctx);
  }

  #cost(endpoint: EndpointState): number {
    const { table, slot } = endpoint;
    const load = (endpoint.inFlight * this.#meanWeight) / endpoint.effectiveWeight;
    return latencyCost(table.latencyUs(slot), table.latencyAgeMs(slot, this.#nowMs), load);
  }
}
