import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BulkBench, RUNS } from '../support/process/bulk-run.ts';

const GIB = 1_073_741_824;
/** V8 lets some 64 MiB of used buffers lie before it collects them. */
const MAX_GROWTH_KIB = 128 * 1_024;

describe('a body of 10 GiB', () => {
  let bench: BulkBench;

  beforeAll(async () => {
    bench = await BulkBench.start();
  }, 30_000);

  afterAll(() => bench.close());

  it.each(RUNS)(
    'streams through in bounded memory, byte for byte: %s',
    async (what) => {
      const { exact, grownKiB, seconds } = await bench.run(what, 10 * GIB);
      process.stdout.write(`${what}: ${seconds.toFixed(0)} s, memory grew by ${grownKiB} KiB at most\n`);
      expect(exact).toBe(10 * GIB);
      expect(grownKiB).toBeLessThan(MAX_GROWTH_KIB);
    },
    600_000,
  );
});
