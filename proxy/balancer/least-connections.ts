import type { EndpointState } from '../state/endpoint-state.ts';
import type { SharedTable } from '../state/shared-table.ts';
import type { PickContext, Picker, PickerInput, PickFailure } from './picker.ts';
import { Rotation } from './rotation.ts';

/**
 * The endpoint with the fewest in flight for its weight, counted over all workers. It is acquired by
 * compare-and-exchange on the count that was compared: when another worker was faster, everything is looked at again,
 * so while nobody releases no pick ever goes to a fuller endpoint. Equals take turns by weight, so that an idle pool
 * spreads.
 *
 * A pick reads every count, and stops at the first endpoint with none; bench/micro-pick.ts says what that costs.
 */
export class LeastConnections implements Picker {
  readonly #eligible: readonly EndpointState[];
  readonly #slots: Int32Array;
  readonly #weights: Float64Array;
  readonly #rotation: Rotation | undefined;
  readonly #table: SharedTable;
  readonly #upstream: number;

  constructor({ eligible, table, upstream }: PickerInput) {
    this.#eligible = eligible;
    this.#slots = Int32Array.from(eligible, ({ slot }) => slot);
    this.#weights = Float64Array.from(eligible, ({ effectiveWeight }) => effectiveWeight);
    this.#rotation = eligible.length === 0 ? undefined : new Rotation(eligible);
    this.#table = table;
    this.#upstream = upstream;
  }

  pick({ tried, maxInFlight }: PickContext): EndpointState | PickFailure {
    if (this.#rotation === undefined) return 'none-eligible';
    const start = this.#rotation.at(this.#table.nextCursor(this.#upstream));
    const count = this.#slots.length;
    for (;;) {
      let best = -1;
      let bestInFlight = 0;
      let bestWeight = 0;
      let full = false;
      let index = start;
      for (let left = count; left > 0; left--) {
        const inFlight = this.#table.inFlight(this.#slots[index]!);
        const weight = this.#weights[index]!;
        if (best === -1 || inFlight * bestWeight < bestInFlight * weight) {
          if (inFlight >= maxInFlight) full = true;
          else if (tried.length === 0 || !tried.includes(this.#eligible[index]!)) {
            best = index;
            bestInFlight = inFlight;
            bestWeight = weight;
            if (inFlight === 0) break;
          }
        }
        if (++index === count) index = 0;
      }
      if (best === -1) return full ? 'all-full' : 'none-eligible';
      if (this.#table.acquireIf(this.#slots[best]!, bestInFlight)) return this.#eligible[best]!;
    }
  }
}
