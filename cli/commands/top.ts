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
  /** Lines above the table. */
  header?(): readonly string[];
  /** Where to send what, where that is known. */
  readonly sendTo?: (pool: LoadBalancerPool) => string;
}

const HOME = '\u001B[H';
const END_OF_LINE = '\u001B[K';
const BELOW = '\u001B[J';
const EVERY_MS = 1_000;
/** Without rates there is less to see, and an API server to spare. */
const WITHOUT_RATES_MS = 3_000;

/**
 * Draws pools, rates and endpoints in trouble again and again on a terminal, until `stop` resolves; elsewhere prints
 * one table: with rates over one second, without them at once.
 */
export async function top(source: LiveSource, stop: Promise<unknown>): Promise<number> {
  const out = process.stdout;
  let before = await source.traffic();
  let beforeAt = performance.now();
  // A terminal gets its first table at once; elsewhere there is one only, and it has rates.
  let isFirst = out.isTTY;
  let waitMs = before === undefined || isFirst ? 0 : EVERY_MS;
  if (out.isTTY) out.write(`${HOME}${BELOW}`);
  for (;;) {
    const stopped = await isOver(stop, waitMs);
    const after = await source.traffic();
    const now = performance.now();
    const rates =
      before === undefined || after === undefined
        ? undefined
        : ratesOf(isFirst ? after : before, after, Math.max(1, now - beforeAt) / 1_000);
    isFirst = false;
    const columns = out.isTTY ? out.columns : Number.MAX_SAFE_INTEGER;
    const header = (source.header?.() ?? []).flatMap((line) => wrapped(line, columns));
    const view = liveView(await source.pools(), {
      rates,
      ...(source.sendTo === undefined ? {} : { sendTo: source.sendTo }),
      faults: source.faults?.() ?? [],
      rows: out.isTTY ? out.rows - header.length : Number.MAX_SAFE_INTEGER,
      columns,
      now: Date.now(),
    });
    if (!out.isTTY) {
      out.write(`${view}\n`);
      return 0;
    }
    // Written over what was there, so that nothing flickers.
    const lines = [...header, ...view.split('\n')].map((line) => `${line}${END_OF_LINE}\n`);
    out.write(`${HOME}${lines.join('')}${BELOW}`);
    if (stopped) return 0;
    before = after;
    beforeAt = now;
    waitMs = after === undefined ? WITHOUT_RATES_MS : EVERY_MS;
  }
}

/** A line as the terminal would break it, at blanks where it can. */
function wrapped(line: string, columns: number): string[] {
  if (line.length <= columns) return [line];
  const at = line.lastIndexOf(' ', columns);
  const cut = at > 0 ? at : columns;
  return [line.slice(0, cut), ...wrapped(line.slice(cut).trimStart(), columns)];
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
