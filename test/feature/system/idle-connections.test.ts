import { describe, expect, it } from 'vitest';
import { measureIdle } from '../../support/process/idle-run.ts';

const CONNECTIONS = 2_000;

/** The bar is 20 KiB a connection (`make bench BENCH=memory` measures it); here is room for what awaits collection. */
describe('an idle connection', () => {
  it.each([
    ['HTTP', 40],
    ['TCP', 60],
  ] as const)(
    'takes little of the proxy: %s',
    async (protocol, maxKiB) => {
      const { open, kib } = await measureIdle(protocol, CONNECTIONS);
      expect(open).toBe(CONNECTIONS);
      expect(kib).toBeLessThan(maxKiB);
    },
    60_000,
  );
});
