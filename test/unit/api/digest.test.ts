import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../api/digest.ts';
import { seededRng } from '../../support/seeded-rng.ts';

describe('digestOf', () => {
  it('is a SHA-256 of the canonical text', () => {
    // printf '{"a":[1,"x"],"b":null}' | sha256sum
    expect(digestOf({ b: null, a: [1, 'x'] })).toBe(
      'sha256:854ef06dc57f5dfed10206344ab2d02e0b6c84b0e19436703a5afd0f1f9f2687',
    );
  });

  it('does not see the order of members, nor members that are undefined', () => {
    expect(digestOf({ a: 1, b: { c: 2, d: 3 } })).toBe(digestOf({ b: { d: 3, c: 2, e: undefined }, a: 1 }));
  });

  it('sees the order of lists, and where text ends', () => {
    expect(digestOf([1, 2])).not.toBe(digestOf([2, 1]));
    expect(digestOf(['a', 'b'])).not.toBe(digestOf(['a,b']));
    expect(digestOf({ a: '1' })).not.toBe(digestOf({ a: 1 }));
  });

  it('is the same whatever it was told of before, and however that differs', () => {
    const rng = seededRng(7);
    const item = (): object => ({ id: rng(), text: 'x'.repeat(Math.floor(rng() * 100)) });
    const digestAnew = (list: readonly object[]): string => digestOf(structuredClone([list]));
    let list: readonly object[] = Array.from({ length: 300 }, item);
    digestOf([list]);
    for (let round = 0; round < 200; round += 1) {
      const next = [...list];
      for (let edit = 0; edit < round % 4; edit += 1) {
        const place = Math.floor(rng() * (next.length + 1));
        const [goes, comes] = [
          [0, 1],
          [1, 0],
          [1, 1],
          [3, 2],
        ][Math.floor(rng() * 4)]!;
        next.splice(place, goes!, ...Array.from({ length: comes! }, item));
      }
      expect(digestOf([next], [list])).toBe(digestAnew(next));
      list = next;
    }
    expect(digestOf([list.toReversed()], [list])).toBe(digestAnew(list.toReversed()));
    expect(digestOf([[]], [list])).toBe(digestAnew([]));
  });

  it('reads little of a long list that is nearly the same', () => {
    let reads = 0;
    const item = (id: number): object => ({
      get id() {
        reads += 1;
        return id;
      },
    });
    const list = Array.from({ length: 10_000 }, (_, i) => item(i));
    digestOf([list]);
    expect(reads).toBe(10_000);
    for (const place of [0, 5_000, 9_999]) {
      const next = list.with(place, item(-1));
      reads = 0;
      const digest = digestOf([next], [list]);
      expect(reads).toBeLessThan(500);
      expect(digest).toBe(digestOf([[...next]]));
      expect(digestOf([list])).not.toBe(digest);
    }
  });
});
