import { murmur3 } from './murmur3.ts';

/** A prime. At 100 members it is 1,310 entries each, and when one leaves, 0.4 % of the others' keys move without need. */
export const TABLE_SIZE = 131_071;
const OFFSET_SEED = 0x2f0b4c47;
const STEP_SEED = 0x6a09e667;

/** The index of the member that owns each entry. */
export type HashTable = Uint8Array | Uint16Array;

export interface HashMember {
  /** What the place in the table follows from: the same on every proxy and after a restart. */
  readonly name: string;
  /** Above 0. */
  readonly weight: number;
}

/** A member of the table, in order of turns. */
export interface Turner {
  /** The entry it likes best; below the size of the table. */
  readonly offset: number;
  /** From there to the next best, and so on, going round; 1 to size - 1. */
  readonly step: number;
  readonly weight: number;
}

/**
 * The lookup table of Maglev hashing: the index of the member that owns each entry. Places follow from names, so the
 * order of the members has no influence.
 *
 * @param members at least one, fewer than the table has entries
 */
export function maglevTable(members: readonly HashMember[]): HashTable {
  const order = [...members.keys()].sort((a, b) => compare(members[a]!.name, members[b]!.name));
  const turners = order.map((index): Turner => {
    const { name, weight } = members[index]!;
    const offset = murmur3(name, OFFSET_SEED) % TABLE_SIZE;
    return { offset, step: (murmur3(name, STEP_SEED) % (TABLE_SIZE - 1)) + 1, weight };
  });
  return fillTable(turners, TABLE_SIZE).map((turner) => order[turner]!);
}

/**
 * Members take turns, by weight; in a turn a member takes the entry it likes best of those that are left. So shares
 * follow weights to within an entry or two, and when a member leaves, most entries of the others stay theirs. (Eisenbud
 * et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4.)
 *
 * @param size a prime, so that every step visits the whole table
 */
export function fillTable(turners: readonly Turner[], size: number): HashTable {
  const position = Uint32Array.from(turners, ({ offset }) => offset);
  const step = Uint32Array.from(turners, ({ step }) => step);
  const table = turners.length <= 256 ? new Uint8Array(size) : new Uint16Array(size);
  const taken = new Uint8Array(size);
  const turns = new Turns(turners.map(({ weight }) => weight));
  for (let filled = 0; filled < size; filled++) {
    const turn = turns.next();
    let entry = position[turn]!;
    while (taken[entry] === 1) {
      entry += step[turn]!;
      if (entry >= size) entry -= size;
    }
    taken[entry] = 1;
    table[entry] = turn;
    position[turn] = entry;
  }
  return table;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/**
 * Who is next, by weight. There are rounds, in which each member has one turn at most, in order: the k-th turn of a
 * member is in round k * unit / weight, rounded up. The unit is a power of two, so that members that come and go
 * hardly ever change it, and with it the turns of the others.
 */
class Turns {
  readonly #due: Float64Array;
  /** Rounds from one turn to the next. */
  readonly #pace: Float64Array;
  readonly #heap: Heap | undefined;
  #round = 1;
  #member = -1;

  constructor(weights: readonly number[]) {
    const most = weights.reduce((most, weight) => Math.max(most, weight), 0);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const unit = weights.every((weight) => weight === most) ? most : 2 ** Math.ceil(Math.log2(most));
    this.#pace = Float64Array.from(weights, (weight) => unit / weight);
    this.#due = Float64Array.from(this.#pace);
    const looksPerTurn = (unit * weights.length) / total;
    this.#heap = looksPerTurn > MAX_LOOKS_PER_TURN ? new Heap(this.#due) : undefined;
  }

  next(): number {
    const member = this.#heap === undefined ? this.#scan() : this.#heap.first;
    this.#due[member]! += this.#pace[member]!;
    this.#heap?.sinkFirst();
    return member;
  }

  #scan(): number {
    const due = this.#due;
    for (;;) {
      this.#member++;
      if (this.#member === due.length) {
        this.#member = 0;
        this.#round++;
      }
      if (due[this.#member]! <= this.#round) return this.#member;
    }
  }
}

/** With very unequal weights most members have no turn in most rounds, and looking for one costs more than a heap. */
const MAX_LOOKS_PER_TURN = 16;

/** Members by the round of their next turn, then by place. */
class Heap {
  readonly #due: Float64Array;
  readonly #members: Uint16Array;

  constructor(due: Float64Array) {
    this.#due = due;
    this.#members = Uint16Array.from(due.keys());
    for (let at = (due.length >> 1) - 1; at >= 0; at--) this.#sink(at);
  }

  get first(): number {
    return this.#members[0]!;
  }

  sinkFirst(): void {
    this.#sink(0);
  }

  #sink(at: number): void {
    const members = this.#members;
    const member = members[at]!;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= members.length) break;
      if (child + 1 < members.length && this.#before(members[child + 1]!, members[child]!)) child++;
      if (!this.#before(members[child]!, member)) break;
      members[at] = members[child]!;
      at = child;
    }
    members[at] = member;
  }

  #before(a: number, b: number): boolean {
    const difference = Math.ceil(this.#due[a]!) - Math.ceil(this.#due[b]!);
    return difference < 0 || (difference === 0 && a < b);
  }
}
