import type { EndpointState } from '../state/endpoint-state.ts';
import type { SharedTable } from '../state/shared-table.ts';
import type { PickContext, Picker, PickerInput, PickFailure } from './picker.ts';

/**
 * One after the other in canonical order, exactly so over all workers: the upstream's shared cursor names the slot
 * that was picked last (plus one; 0: none yet), so the place survives whatever comes and goes around it.
 * Weights are not used.
 */
export class RoundRobin implements Picker {
  readonly #members: readonly EndpointState[];
  /** Index of the first eligible member at or after each index, going round. Empty: there is none. */
  readonly #next: Uint32Array;
  /** Index of each member by its slot; of a member that left: of the one before it. */
  readonly #places: Map<number, number>;
  readonly #eligible: number;
  readonly #table: SharedTable;
  readonly #upstream: number;

  constructor({ members, eligible, table, upstream, previous }: PickerInput) {
    this.#members = members;
    this.#next = nextEligible(members, eligible);
    this.#eligible = eligible.length;
    this.#table = table;
    this.#upstream = upstream;
    this.#places = new Map(members.map((member, index) => [member.slot, index]));
    if (previous instanceof RoundRobin) this.#inherit(previous);
  }

  pick({ tried, maxInFlight }: PickContext): EndpointState | PickFailure {
    if (this.#eligible === 0) return 'none-eligible';
    for (;;) {
      const seen = this.#table.cursor(this.#upstream);
      let index = seen === 0 ? -1 : (this.#places.get(seen - 1) ?? -1);
      let full = false;
      let candidate: EndpointState | undefined;
      for (let left = this.#eligible; left > 0; left--) {
        index = this.#next[index + 1 === this.#members.length ? 0 : index + 1]!;
        const member = this.#members[index]!;
        if (tried.length > 0 && tried.includes(member)) continue;
        if (member.inFlight < maxInFlight) {
          candidate = member;
          break;
        }
        full = true;
      }
      if (candidate === undefined) return full ? 'all-full' : 'none-eligible';
      // Another worker that moved the cursor first, or took the last place, has made progress: look again.
      if (!this.#table.moveCursor(this.#upstream, seen, candidate.slot + 1)) continue;
      if (candidate.tryAcquire(maxInFlight)) return candidate;
    }
  }

  /**
   * Remembers where members that left stood, for the cursor may still name one: now, or again by a worker that has
   * not seen the change yet.
   */
  #inherit(previous: RoundRobin): void {
    if (previous.#members === this.#members) {
      for (const [slot, index] of previous.#places) this.#places.set(slot, index);
      return;
    }
    let before = -1;
    const left: [slot: number, index: number][] = [];
    const cursor = this.#table.cursor(this.#upstream) - 1;
    const survivors = new Int32Array(previous.#members.length);
    previous.#members.forEach(({ slot }, index) => {
      const place = this.#places.get(slot);
      if (place === undefined) left.push([slot, before]);
      else before = place;
      survivors[index] = before;
    });
    const stood = previous.#places.get(cursor);
    if (stood !== undefined && !this.#places.has(cursor)) left.push([cursor, survivors[stood] ?? -1]);
    for (const [slot, index] of left) this.#places.set(slot, index);
  }
}

function nextEligible(members: readonly EndpointState[], eligible: readonly EndpointState[]): Uint32Array {
  const next = new Uint32Array(eligible.length === 0 ? 0 : members.length);
  if (eligible.length === 0) return next;
  const indexes = new Map(members.map((member, index) => [member, index]));
  const places = eligible.map((member) => indexes.get(member)!);
  let following = 0;
  for (let index = 0; index < members.length; index++) {
    if (following < places.length && places[following]! < index) following++;
    next[index] = places[following === places.length ? 0 : following]!;
  }
  return next;
}
