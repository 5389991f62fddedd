import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BulkBench } from '../../support/process/bulk-run.ts';

const MIB = 1_048_576;
/** V8 lets some 64 MiB of used buffers lie before it collects them. */
const MAX_GROWTH_KIB = 128 * 1_024;

// The short form of test/soak/bulk.test.ts.
describe('a body larger than the memory it may take', () => {
  let bench: BulkBench;

  beforeAll(async () => {
    bench = await BulkBench.start();
  });

  afterAll(() => bench.close());

  it.each(['response in chunks', 'request with a length', 'TCP to the backend'] as const)(
    'streams through byte for byte: %s',
    async (what) => {
      const { exact, grownKiB } = await bench.run(what, 256 * MIB);
      expect(exact).toBe(256 * MIB);
      expect(grownKiB).toBeLessThan(MAX_GROWTH_KIB);
    },
  );
});
