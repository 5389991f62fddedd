import type { PoolTraffic } from '../api/traffic.ts';
import type { Clock } from './clock.ts';
import type { TrafficHistory } from './traffic-history.ts';

/** Asks again and again what was counted and keeps it; returns how to end that. A question that fails is left out. */
export function sampleTraffic(
  history: TrafficHistory,
  ask: () => Promise<readonly PoolTraffic[]>,
  clock: Clock,
): () => void {
  let cancel: () => void = () => undefined;
  let stopped = false;
  const sample = async (): Promise<void> => {
    const totals = await ask().catch(() => undefined);
    if (totals !== undefined) history.record(totals, clock.now());
    if (!stopped) cancel = clock.after(history.everyMs, () => void sample());
  };
  void sample();
  return () => {
    stopped = true;
    cancel();
  };
}
