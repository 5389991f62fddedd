import type { EndpointState } from '../state/endpoint-state.ts';

/** Indexes by weight: turns a point of [0, 1) into the index whose share of the whole it falls in. */
export class WeightedDraw {
  /** Where each index's share ends; undefined: all shares are equal. */
  readonly #ends: Float64Array | undefined;
  readonly #count: number;
  readonly #total: number;

  /** @param weights above 0, at least one */
  constructor(weights: readonly number[]) {
    this.#count = weights.length;
    const equal = weights.every((weight) => weight === weights[0]);
    this.#ends = equal ? undefined : new Float64Array(weights.length);
    let end = 0;
    for (const [index, weight] of weights.entries()) {
      end += weight;
      if (this.#ends !== undefined) this.#ends[index] = end;
    }
    this.#total = end;
  }

  get equal(): boolean {
    return this.#ends === undefined;
  }

  at(point: number): number {
    const ends = this.#ends;
    if (ends === undefined) return Math.floor(point * this.#count);
    const target = point * this.#total;
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle]! <= target) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Among endpoints, by their weights of now; undefined: there are none. */
export function drawByWeight(endpoints: readonly EndpointState[]): WeightedDraw | undefined {
  if (endpoints.length === 0) return undefined;
  return new WeightedDraw(endpoints.map(({ effectiveWeight }) => effectiveWeight));
}
