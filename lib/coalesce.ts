import type { Clock } from './clock.ts';

export interface CoalesceOptions {
  readonly run: () => Promise<void> | void;
  /** How long the first request waits for company. */
  readonly holdMs: number;
  /** At least this long from one start to the next; 0 unless told. */
  readonly minIntervalMs?: number;
  /** How long after a failed run it is tried again. */
  readonly retryMs: number;
  readonly onError: (error: unknown) => void;
  readonly clock: Clock;
}

export interface Coalesced {
  request(): void;
  /** Starts no more; resolves when the run that is under way, if any, has ended. */
  close(): Promise<void>;
}

/**
 * Many requests, few runs:
 *
 * 1. Every request is followed by a run that starts after it.
 * 2. That run starts at most `holdMs` later, unless another is under way or `minIntervalMs` has not passed.
 * 3. Requests made before a run starts share it. A request never moves a start that is already due.
 * 4. No two runs overlap.
 * 5. A run that fails is reported and repeated after `retryMs`, or sooner when requested.
 */
export function coalesce(options: CoalesceOptions): Coalesced {
  const { run, holdMs, minIntervalMs = 0, retryMs, onError, clock } = options;
  let requested = false;
  let closed = false;
  let lastStart = -Infinity;
  let cancelTimer: (() => void) | undefined;
  let current: Promise<void> | undefined;

  const schedule = (waitMs: number): void => {
    cancelTimer?.();
    const earliest = lastStart + minIntervalMs - clock.now();
    cancelTimer = clock.after(Math.max(waitMs, earliest, 0), start);
  };

  const start = (): void => {
    cancelTimer = undefined;
    requested = false;
    lastStart = clock.now();
    current = once();
  };

  const once = async (): Promise<void> => {
    let failed = false;
    try {
      await run();
    } catch (error) {
      failed = true;
      onError(error);
    }
    current = undefined;
    if (closed) return;
    if (requested) schedule(holdMs);
    else if (failed) schedule(retryMs);
  };

  return {
    request() {
      if (closed || requested) return;
      requested = true;
      if (current === undefined) schedule(holdMs);
    },
    async close() {
      closed = true;
      cancelTimer?.();
      await current;
    },
  };
}
