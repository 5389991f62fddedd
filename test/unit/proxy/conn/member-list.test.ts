import { array, assert, boolean, nat, property, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Member, MemberList } from '../../../../proxy/conn/member-list.ts';

describe('a list of members', () => {
  it('holds who came and has not gone, in whatever order they go, and however often', () => {
    const moves = array(tuple(boolean(), nat({ max: 9 })), { maxLength: 200 });
    assert(
      property(moves, (steps) => {
        const list = new MemberList<Member>();
        const expected = new Set<Member>();
        const members = Array.from({ length: 10 }, (): Member => ({ place: -1 }));
        for (const [comes, index] of steps) {
          const member = members[index]!;
          if (!comes) {
            list.delete(member);
            expected.delete(member);
          } else if (!expected.has(member)) {
            list.add(member);
            expected.add(member);
          }
          expect(list.size).toBe(expected.size);
        }
        expect(new Set(list.all())).toEqual(expected);
        expect(new Set(list.all()).size).toBe(list.size);
      }),
      { seed: 1 },
    );
  });

  it('tells who is in it in such a way that they may go meanwhile', () => {
    const list = new MemberList<Member>();
    for (let i = 0; i < 5; i++) list.add({ place: -1 });
    for (const member of list.all()) list.delete(member);
    expect(list.size).toBe(0);
  });
});
