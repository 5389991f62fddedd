/**
 * How many flows the UDP ports of a worker may have. Each flow takes a descriptor, and nothing tells a flood from
 * made-up addresses and clients apart before it has them all: so connections have their half of the descriptors, and
 * each UDP port an equal share of the other half, whatever comes in at its neighbours.
 */
export class FlowBudget {
  readonly #maxFlows: number;
  #ports = 0;

  constructor(maxFlows: number) {
    this.#maxFlows = maxFlows;
  }

  /** A port is opened. */
  join(): void {
    this.#ports += 1;
  }

  leave(): void {
    this.#ports -= 1;
  }

  /** Flows that one port may have. */
  get share(): number {
    return Math.max(1, Math.floor(this.#maxFlows / Math.max(1, this.#ports)));
  }
}
