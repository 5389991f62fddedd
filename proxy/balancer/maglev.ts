import { murmur3 } from './murmur3.ts';

/**
 * A prime, so that every step size visits the whole table. At 100 endpoints it is 655 entries each: shares within a
 * fraction of a percent, and few keys that move without need.
 */
export const TABLE_SIZE = 65_537;
const OFFSET_SEED = 0x2f0b4c47;
const STEP_SEED = 0x6a09e667;

export interface HashMember {
  /** What the place in the table follows from: the same on every proxy and after a restart. */
  readonly name: string;
  /** Above 0. */
  readonly weight: number;
}

/**
 * The lookup table of Maglev hashing (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer",
 * NSDI 2016, section 3.4): the index of the member that owns each entry.
 *
 * Each member prefers the entries in an order of its own, made from its name. Members take turns; in a turn a member
 * takes the entry it likes best of those that are left. Turns come by weight. So shares follow weights to within one
 * entry, and when a member leaves, most entries of the others stay theirs.
 *
 * @param members at least one, fewer than `size`; their order has no influence
 * @param size a prime
 */
export function maglevTable(members: readonly HashMember[], size = TABLE_SIZE): Uint16Array {
  const order = [...members.keys()].sort((a, b) => compare(members[a]!.name, members[b]!.name));
  const count = members.length;
  const position = new Uint32Array(count);
  const step = new Uint32Array(count);
  for (const [turn, index] of order.entries()) {
    position[turn] = murmur3(members[index]!.name, OFFSET_SEED) % size;
    step[turn] = (murmur3(members[index]!.name, STEP_SEED) % (size - 1)) + 1;
  }
  const table = new Uint16Array(size);
  const taken = new Uint8Array(size);
  const turns = new Turns(order.map((index) => members[index]!.weight));
  for (let filled = 0; filled < size; filled++) {
    const turn = turns.next();
    let entry = position[turn]!;
    while (taken[entry] === 1) {
      entry += step[turn]!;
      if (entry >= size) entry -= size;
    }
    taken[entry] = 1;
    table[entry] = order[turn]!;
    position[turn] = entry;
  }
  return table;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/**
 * Who is next, by weight: the k-th turn of a member is due at k / weight, and of those due at once the earlier member
 * goes first. A member's own times do not depend on the others.
 */
class Turns {
  readonly #weights: readonly number[];
  readonly #equal: boolean;
  #turn = -1;
  /** A binary heap of members by when their next turn is due. */
  readonly #heap: Uint16Array;
  readonly #due: Float64Array;

  constructor(weights: readonly number[]) {
    this.#weights = weights;
    this.#equal = weights.every((weight) => weight === weights[0]);
    this.#heap = Uint16Array.from(weights.keys());
    this.#due = Float64Array.from(weights, (weight) => 1 / weight);
    for (let at = (weights.length >> 1) - 1; at >= 0; at--) this.#sink(at);
  }

  next(): number {
    if (this.#equal) {
      this.#turn = this.#turn + 1 === this.#weights.length ? 0 : this.#turn + 1;
      return this.#turn;
    }
    const first = this.#heap[0]!;
    this.#due[first]! += 1 / this.#weights[first]!;
    this.#sink(0);
    return first;
  }

  #sink(at: number): void {
    const heap = this.#heap;
    const member = heap[at]!;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#before(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#before(heap[child]!, member)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = member;
  }

  #before(a: number, b: number): boolean {
    const difference = this.#due[a]! - this.#due[b]!;
    return difference < 0 || (difference === 0 && a < b);
  }
}
