import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../api/digest.ts';

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
});
