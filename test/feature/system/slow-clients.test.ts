import { describe, expect, it } from 'vitest';
import { slowClients } from '../../support/process/slow-clients.ts';

const SLOW = 1_000;
const TIMEOUT_MS = 2_000;
/** The timeout's own coarseness, and what a busy machine adds. */
const GRACE_MS = 4_000;

// CATALOGUE F08, F10, R22
describe('a thousand slow clients', () => {
  it.each([
    ['send a byte now and then', { byteEveryMs: 400 }],
    ['say nothing', {}],
  ])(
    'are closed in time when they %s, while others are served',
    async (_, how) => {
      const run = await slowClients({
        clients: SLOW,
        timeouts: `requestHeader: ${TIMEOUT_MS}ms`,
        ...how,
      });
      expect(run.failed).toBe(0);
      expect(run.requests).toBeGreaterThan(10);
      expect(run.shortestMs).toBeGreaterThanOrEqual(TIMEOUT_MS - 100);
      expect(run.longestMs).toBeLessThan(TIMEOUT_MS + GRACE_MS);
    },
    30_000,
  );
});
