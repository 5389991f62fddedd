import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UdpBench } from '../support/process/udp-run.ts';

const MILLION = 1_000_000;
/** As if a million strangers were one: flows are bounded, and what each leaves behind is collected. */
const MAX_GROWTH_KIB = 256 * 1_024;

describe('a UDP port of a proxy', () => {
  let bench: UdpBench;

  beforeEach(async () => {
    bench = await UdpBench.start();
  });

  afterEach(() => bench.close());

  // G09
  it('misleads none of a million datagrams while endpoints come and go', async () => {
    const run = await bench.stickiness(64, MILLION);
    process.stdout.write(`${JSON.stringify(run)}\n`);
    expect(run.answered).toBeGreaterThanOrEqual(MILLION);
    expect(run.misled).toBe(0);
  }, 600_000);

  // G10
  it('keeps 99.9 % of 1,000 who talk through a flood of a million strangers', async () => {
    const run = await bench.flood(1_000, MILLION);
    process.stdout.write(`${JSON.stringify(run)}\n`);
    expect(run.kept).toBeGreaterThanOrEqual(0.999 * run.live);
    expect(run.failed).toBe(0);
    expect(run.grownKiB).toBeLessThan(MAX_GROWTH_KIB);
  }, 600_000);
});
