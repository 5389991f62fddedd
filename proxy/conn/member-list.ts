/** What may be in one `MemberList` at a time. */
export interface Member {
  /** The list's, and nobody else's business; -1: in none. */
  place: number;
}

/**
 * Things that come and go all the time, such as the connections of a port. A `Set` grows a new table every few dozen
 * of them, each referred to by the one before: once the collector of young objects has moved one of those on, all that
 * was in any of the later ones outlives it until the whole heap is marked. Half of what sessions leave behind did.
 */
export class MemberList<M extends Member> {
  readonly #members: M[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: M): void {
    member.place = this.#members.push(member) - 1;
  }

  /** Idempotent. */
  delete(member: M): void {
    const { place } = member;
    if (place === -1) return;
    member.place = -1;
    const last = this.#members.pop()!;
    if (last === member) return;
    this.#members[place] = last;
    last.place = place;
  }

  /** Those that are in it now, some of which may be gone before their turn comes. */
  all(): readonly M[] {
    return [...this.#members];
  }
}
