import type { LoadBalancerPool } from '../../api/pool.ts';
import type { PoolTraffic } from '../../api/traffic.ts';
import { liveView, ratesOf } from '../live-view.ts';

/** Where a live table gets its rows from. */
export interface LiveSource {
  pools(): Promise<readonly LoadBalancerPool[]>;
  /** Undefined where what pools carry cannot be known: the table is then without rates. */
  traffic(): Promise<readonly PoolTraffic[] | undefined>;
  /** What is wrong with the manifests. */
  faults?(): readonly string[];
}

const CLEAR = '\u001B[H\u001B[2J';
const EVERY_MS = 1_000;
/** Without rates there is less to see, and an API server to spare. */
const WITHOUT_RATES_MS = 3_000;

/**
 * Draws pools, rates and endpoints in trouble again and again on a terminal, until `stop` resolves; elsewhere prints
 * one table: with rates over one second, without them at once.
 */
export async function top(source: LiveSource, stop: Promise<unknown>, header = ''): Promise<number> {
  const out = process.stdout;
  let before = await source.traffic();
  let beforeAt = performance.now();
  let waitMs = before === undefined ? 0 : EVERY_MS;
  for (;;) {
    const stopped = await isOver(stop, waitMs);
    const after = await source.traffic();
    const now = performance.now();
    const rates =
      before === undefined || after === undefined
        ? undefined
        : ratesOf(before, after, (now - beforeAt) / 1_000);
    const view = liveView(await source.pools(), {
      rates,
      faults: source.faults?.() ?? [],
      rows: out.isTTY ? out.rows - header.split('\n').length : Number.MAX_SAFE_INTEGER,
      columns: out.isTTY ? out.columns : Number.MAX_SAFE_INTEGER,
      now: Date.now(),
    });
    out.write(out.isTTY ? `${CLEAR}${header}${view}\n` : `${view}\n`);
    if (stopped || !out.isTTY) return 0;
    before = after;
    beforeAt = now;
    waitMs = after === undefined ? WITHOUT_RATES_MS : EVERY_MS;
  }
}

/** Waits for `ms`, or until `stop` resolves: true. */
async function isOver(stop: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tick = new Promise<'tick'>((resolve) => {
    timer = setTimeout(() => resolve('tick'), ms);
  });
  const first = await Promise.race([stop, tick]);
  clearTimeout(timer);
  return first !== 'tick';
}
