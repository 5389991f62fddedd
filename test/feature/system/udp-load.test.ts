import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UdpBench } from '../../support/process/udp-run.ts';

/** `make soak` does this with a million. */
describe('a UDP port of a proxy', () => {
  let bench: UdpBench;

  beforeEach(async () => {
    bench = await UdpBench.start();
  });

  afterEach(() => bench.close());

  // G09
  it('keeps each flow where it is over many datagrams, while other endpoints come and go', async () => {
    const run = await bench.stickiness(16, 20_000);
    expect(run.answered).toBeGreaterThanOrEqual(20_000);
    expect(run.misled).toBe(0);
    expect(run.changes).toBeGreaterThan(1);
  }, 60_000);

  // G10
  it('keeps those who talk in a flood of strangers, and serves the ports beside it', async () => {
    const run = await bench.flood(100, 20_000);
    expect(run.kept).toBe(run.live);
    expect(run.failed).toBe(0);
    expect(run.requests).toBeGreaterThan(0);
    expect(run.grownKiB).toBeLessThan(256 * 1_024);
  }, 60_000);
});
