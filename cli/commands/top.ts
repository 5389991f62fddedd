import type { PoolTraffic } from '../../proxy/observe/pool-traffic.ts';
import { liveView, ratesOf } from '../live-view.ts';
import type { LoadBalancerPool } from '../../api/pool.ts';

/** Where a live table gets its rows from. */
export interface LiveSource {
  pools(): Promise<readonly LoadBalancerPool[]>;
  traffic(): Promise<readonly PoolTraffic[]>;
}

const CLEAR = '\u001B[H\u001B[2J';
const EVERY_MS = 1_000;

/**
 * Draws pools, rates and endpoints in trouble once a second on a terminal, until `stop` resolves; elsewhere prints
 * one table over one second.
 */
export async function top(source: LiveSource, stop: Promise<unknown>, header = ''): Promise<number> {
  const out = process.stdout;
  let before = await source.traffic();
  let beforeAt = performance.now();
  for (;;) {
    const tick = new Promise<'tick'>((resolve) => setTimeout(() => resolve('tick'), EVERY_MS));
    const stopped = (await Promise.race([stop, tick])) !== 'tick';
    const after = await source.traffic();
    const now = performance.now();
    const view = liveView(await source.pools(), ratesOf(before, after, (now - beforeAt) / 1_000), {
      rows: out.isTTY ? out.rows - header.split('\n').length : Number.MAX_SAFE_INTEGER,
      columns: out.isTTY ? out.columns : Number.MAX_SAFE_INTEGER,
      now: Date.now(),
    });
    out.write(out.isTTY ? `${CLEAR}${header}${view}\n` : `${view}\n`);
    if (stopped || !out.isTTY) return 0;
    before = after;
    beforeAt = now;
  }
}
