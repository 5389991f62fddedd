import type { Clock } from './clock.ts';

export interface DebounceOptions {
  readonly run: () => void;
  /** How long nothing has to happen. */
  readonly quietMs: number;
  /** How long after the first call a run comes at the latest, however often it is called. */
  readonly maxMs: number;
  readonly clock: Clock;
}

export interface Debounced {
  readonly call: () => void;
  /** A run that is due does not come. */
  readonly cancel: () => void;
}

/** Runs when calls have ceased for a while, and now and then while they do not. */
export function debounce({ run, quietMs, maxMs, clock }: DebounceOptions): Debounced {
  let cancelTimer: (() => void) | undefined;
  let firstAt = 0;
  const cancel = (): void => {
    cancelTimer?.();
    cancelTimer = undefined;
  };
  return {
    call() {
      const now = clock.now();
      if (cancelTimer === undefined) firstAt = now;
      cancel();
      cancelTimer = clock.after(Math.max(0, Math.min(quietMs, firstAt + maxMs - now)), () => {
        cancelTimer = undefined;
        run();
      });
    },
    cancel,
  };
}
