import { expect, it } from 'vitest';
import { respawnDelayMs } from '../../../../proxy/worker/respawn-delay.ts';

it('replaces a worker that has served for a while at once, and one that cannot start once a second', () => {
  expect(respawnDelayMs(10_001)).toBe(0);
  expect(respawnDelayMs(10_000)).toBe(50);
  expect(respawnDelayMs(100)).toBe(50);
  expect(respawnDelayMs(99)).toBe(1_000);
});
