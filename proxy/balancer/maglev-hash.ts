import type { EndpointState } from '../state/endpoint-state.ts';
import { acquireAny } from './acquire-any.ts';
import { maglevTable, type HashTable } from './maglev.ts';
import { mix32 } from './mix.ts';
import type { PickContext, Picker, PickerInput, PickFailure } from './picker.ts';

/** Where a key looks that its own endpoint does not take, before any other endpoint will do. */
const MAX_LOOKS = 16;
const NEXT_LOOK = 0x9e3779b1;

interface Lookup {
  readonly members: readonly EndpointState[];
  readonly weights: readonly number[];
  readonly table: HashTable;
}

/**
 * The endpoint that a key belongs to: the same for every worker and proxy and after a restart, since only addresses
 * and weights decide. For SourceIPHash and ConsistentHash, which differ in what the key is.
 *
 * The table is made of all members of the set, healthy or not. A key whose endpoint is down, full or tried looks
 * again at other places, its own and always the same ones; so nobody else's keys move when an endpoint goes or comes
 * back, and a table is made only when the list or a weight changes.
 */
export class MaglevHash implements Picker {
  readonly #eligible: readonly EndpointState[];
  readonly #isEligible: Uint8Array;
  readonly #lookup: Lookup;

  constructor({ members, eligible, previous }: PickerInput) {
    const weighted = members.filter(({ weight }) => weight > 0);
    const known = previous instanceof MaglevHash ? previous.#lookup : undefined;
    this.#eligible = eligible;
    this.#lookup = known !== undefined && isSame(known, weighted) ? known : createLookup(weighted);
    const chosen = new Set(eligible);
    this.#isEligible = Uint8Array.from(weighted, (member) => Number(chosen.has(member)));
  }

  pick(ctx: PickContext): EndpointState | PickFailure {
    if (this.#eligible.length === 0) return 'none-eligible';
    const { members, table } = this.#lookup;
    let key = ctx.hashKey;
    for (let look = 0; look < MAX_LOOKS; look++) {
      const index = table[(mix32(key) >>> 0) % table.length]!;
      key = (key + NEXT_LOOK) | 0;
      if (this.#isEligible[index] === 0) continue;
      const endpoint = members[index]!;
      if (ctx.tried.length > 0 && ctx.tried.includes(endpoint)) continue;
      if (endpoint.tryAcquire(ctx.maxInFlight)) return endpoint;
    }
    return acquireAny(this.#eligible, (mix32(key) >>> 0) % this.#eligible.length, ctx);
  }
}

function createLookup(members: readonly EndpointState[]): Lookup {
  const weights = members.map(({ weight }) => weight);
  if (members.length === 0) return { members, weights, table: new Uint8Array(1) };
  const named = members.map(({ address, port, weight }) => ({ name: `${address} ${port}`, weight }));
  return { members, weights, table: maglevTable(named) };
}

function isSame(lookup: Lookup, members: readonly EndpointState[]): boolean {
  return (
    lookup.members.length === members.length &&
    members.every((member, index) => {
      return member === lookup.members[index] && member.weight === lookup.weights[index];
    })
  );
}
