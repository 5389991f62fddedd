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
 * A pick reads every count, until it meets an endpoint with none: 1,000 busy endpoints of equal weight cost about 1 µs,
 * of different weights 3 µs. Lists of endpoints by count would answer at once, but each release in any thread would have
 * to keep them, exactly, for all algorithms and sizes.
 */
export class LeastConnections implements Picker {
  readonly #eligible: readonly EndpointState[];
  readonly #slots: Int32Array;
  readonly #weights: Float64Array;
  readonly #equal: boolean;
  readonly #rotation: Rotation | undefined;
  readonly #table: SharedTable;
  readonly #upstream: number;
  /** In flight of what the last look has found. */
  #seen = 0;

  constructor({ eligible, table, upstream }: PickerInput) {
    this.#eligible = eligible;
    this.#slots = Int32Array.from(eligible, ({ slot }) => slot);
    this.#weights = Float64Array.from(eligible, ({ effectiveWeight }) => effectiveWeight);
    this.#equal = this.#weights.every((weight) => weight === this.#weights[0]);
    this.#rotation = eligible.length === 0 ? undefined : new Rotation(eligible);
    this.#table = table;
    this.#upstream = upstream;
  }

  pick(ctx: PickContext): EndpointState | PickFailure {
    if (this.#rotation === undefined) return 'none-eligible';
    const start = this.#rotation.at(this.#table.nextCursor(this.#upstream));
    const alike = this.#equal && ctx.tried.length === 0;
    for (;;) {
      const best = alike ? this.#fewest(start) : this.#fewestForWeight(start, ctx);
      if (best === -1) return this.#anyUntried(ctx) ? 'all-full' : 'none-eligible';
      if (this.#seen >= ctx.maxInFlight) return 'all-full';
      if (this.#table.acquireIf(this.#slots[best]!, this.#seen)) return this.#eligible[best]!;
    }
  }

  /** Index of the endpoint with the fewest in flight, the first from `start` on. Nothing but the bare loop. */
  #fewest(start: number): number {
    const counts = this.#table.inFlightBySlot;
    const slots = this.#slots;
    let best = -1;
    let least = Infinity;
    let from = start;
    let to = slots.length;
    for (let pass = 0; pass < 2 && least > 0; pass++) {
      for (let index = from; index < to; index++) {
        const count = counts[slots[index]!]!;
        if (count >= least) continue;
        best = index;
        least = count;
        if (count === 0) break;
      }
      from = 0;
      to = start;
    }
    this.#seen = least;
    return best;
  }

  /** The same by weight, among those that are neither full nor tried; -1: none. */
  #fewestForWeight(start: number, { tried, maxInFlight }: PickContext): number {
    const counts = this.#table.inFlightBySlot;
    const slots = this.#slots;
    const weights = this.#weights;
    let best = -1;
    let least = 1;
    // Nothing is as full as this.
    let itsWeight = 0;
    let from = start;
    let to = slots.length;
    for (let pass = 0; pass < 2 && least > 0; pass++) {
      for (let index = from; index < to; index++) {
        const count = counts[slots[index]!]!;
        const weight = weights[index]!;
        if (count * itsWeight >= least * weight || count >= maxInFlight) continue;
        if (tried.length > 0 && tried.includes(this.#eligible[index]!)) continue;
        best = index;
        least = count;
        itsWeight = weight;
        if (count === 0) break;
      }
      from = 0;
      to = start;
    }
    this.#seen = least;
    return best;
  }

  #anyUntried({ tried }: PickContext): boolean {
    return this.#eligible.some((endpoint) => !tried.includes(endpoint));
  }
}
