import { describe, expect, it } from 'vitest';
import { connectionsWithin, softLimit } from '../../../lib/file-descriptors.ts';

describe('file descriptors', () => {
  it('reads the soft limit', () => {
    expect(softLimit('Max open files            1024                 524288               files\n')).toBe(
      1_024,
    );
    expect(softLimit('Max open files            unlimited            unlimited            files\n')).toBe(
      1_048_576,
    );
    expect(softLimit('')).toBe(1_024);
  });

  it('allows each connection two, and keeps some for the rest, also of a small limit', () => {
    expect([64, 256, 512, 1_024, 20_000].map(connectionsWithin)).toEqual([16, 64, 128, 384, 9_872]);
  });
});
