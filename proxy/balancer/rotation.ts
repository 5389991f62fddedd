import type { EndpointState } from '../state/endpoint-state.ts';
import { smoothSequence } from './smooth-sequence.ts';
import { WeightedDraw } from './weighted-draw.ts';

/** 2^32 divided by the golden ratio, made odd: the step that spreads consecutive points most evenly. */
const GOLDEN_STEP = 0x9e3779b1;

/**
 * Whose turn it is, by weight, as a function of the turn's number alone: workers that share a counter of turns
 * share one order, exactly.
 *
 * Weights that repeat soon follow a smooth sequence. Others take the golden-ratio sequence of points: each endpoint
 * comes as often as its weight says, within a few turns in any stretch, and at intervals of at most three lengths.
 */
export class Rotation {
  readonly #sequence: Uint16Array | undefined;
  readonly #draw: WeightedDraw;

  /** @param endpoints with an effective weight above 0, at least one */
  constructor(endpoints: readonly EndpointState[]) {
    // Whole numbers: weight times percent.
    const weights = endpoints.map((endpoint) => Math.round(endpoint.effectiveWeight * 100));
    this.#sequence = smoothSequence(weights);
    this.#draw = new WeightedDraw(weights);
  }

  /** Index of the endpoint whose turn it is. @param turn 0..2^32-1 */
  at(turn: number): number {
    const sequence = this.#sequence;
    if (sequence !== undefined) return sequence[turn % sequence.length]!;
    return this.#draw.at((Math.imul(turn, GOLDEN_STEP) >>> 0) / 2 ** 32);
  }
}
