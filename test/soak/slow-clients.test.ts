import { describe, expect, it } from 'vitest';
import { connectionBudget } from '../../lib/file-descriptors.ts';
import { slowClients } from '../support/process/slow-clients.ts';

/** The default of `timeouts.requestHeader`. */
const TIMEOUT_MS = 10_000;
const COARSENESS_MS = 1_000;
/** As many as both threads have room for, however the kernel spreads them, under this machine's `ulimit -Hn`. */
const SILENT = Math.min(10_000, Math.floor(0.92 * (await connectionBudget())));

describe('clients in the numbers of the catalogue, with the default timeouts', () => {
  it.each([
    // F08
    ['1,000 that send a byte every 10 s', { clients: 1_000, byteEveryMs: 10_000 }],
    ['1,000 that send a byte every second', { clients: 1_000, byteEveryMs: 1_000 }],
    // F10
    [`${SILENT} that say nothing`, { clients: SILENT }],
  ])(
    '%s are closed in time, and the client beside them is served',
    async (what, options) => {
      const run = await slowClients(options);
      process.stdout.write(`${what}: ${JSON.stringify(run)}\n`);
      expect(run.failed).toBe(0);
      expect(run.descriptorsTaken).toBeGreaterThanOrEqual(options.clients);
      expect(run.longestMs).toBeLessThan(TIMEOUT_MS + COARSENESS_MS);
    },
    120_000,
  );
});
