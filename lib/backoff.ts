import type { Rng } from './clock.ts';

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  /** How much longer each wait is than the one before; 2 unless told. */
  readonly factor?: number;
}

export interface Backoff {
  /** Milliseconds to wait before the next try. */
  next(): number;
  /** It worked: the next failure starts from the beginning. */
  reset(): void;
}

/**
 * Exponential waits with jitter. Each is drawn evenly from the upper half of its step, so that those who failed
 * together do not return together, and none returns at once.
 */
export function backoff({ initialMs, maxMs, factor = 2 }: BackoffOptions, rng: Rng): Backoff {
  let step = initialMs;
  return {
    next() {
      const wait = step * (0.5 + rng() / 2);
      step = Math.min(maxMs, step * factor);
      return wait;
    },
    reset() {
      step = initialMs;
    },
  };
}
