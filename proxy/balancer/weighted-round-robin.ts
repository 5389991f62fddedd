import type { EndpointState } from '../state/endpoint-state.ts';
import type { SharedTable } from '../state/shared-table.ts';
import { acquireAny } from './acquire-any.ts';
import type { PickContext, Picker, PickerInput, PickFailure } from './picker.ts';
import { Rotation } from './rotation.ts';

/** Turns that are passed over, because the endpoint is full or tried, before any other will do. */
const MAX_TURNS = 16;

/**
 * In turn, by weight and smoothly, exactly so over all workers: the upstream's shared cursor counts turns. Only
 * eligible endpoints have turns, so with one down the others keep their ratio.
 */
export class WeightedRoundRobin implements Picker {
  readonly #eligible: readonly EndpointState[];
  readonly #rotation: Rotation | undefined;
  readonly #table: SharedTable;
  readonly #upstream: number;

  constructor({ eligible, table, upstream }: PickerInput) {
    this.#eligible = eligible;
    this.#rotation = eligible.length === 0 ? undefined : new Rotation(eligible);
    this.#table = table;
    this.#upstream = upstream;
  }

  pick(ctx: PickContext): EndpointState | PickFailure {
    if (this.#rotation === undefined) return 'none-eligible';
    let index = 0;
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      index = this.#rotation.at(this.#table.nextCursor(this.#upstream));
      const endpoint = this.#eligible[index]!;
      if (ctx.tried.length > 0 && ctx.tried.includes(endpoint)) continue;
      if (endpoint.tryAcquire(ctx.maxInFlight)) return endpoint;
    }
    return acquireAny(this.#eligible, index, ctx);
  }
}
