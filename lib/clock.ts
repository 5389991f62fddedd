/** Time as an argument, so that tests can turn it. */
export interface Clock {
  /**
   * Monotonic milliseconds, the same in every thread of the process: for durations and deadlines; a clock jump does
   * not move it.
   */
  now(): number;
  /** Milliseconds since the epoch: for what a person reads. */
  wall(): number;
  /** Calls `fn` once after `ms` unless the returned function is called first. Never keeps the process alive. */
  after(ms: number, fn: () => void): () => void;
}

/** `performance.now()` counts from the thread's start; the monotonic clock behind it counts for all of them. */
const THREAD_STARTED_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export const systemClock: Clock = {
  now: () => THREAD_STARTED_MS + performance.now(),
  wall: () => Date.now(),
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Monotonic microseconds that all threads of the process count alike; `Clock.now` has its own zero in each. */
export function processMicros(clock: Clock = systemClock): () => number {
  const zero = Number(process.hrtime.bigint() / 1_000n) - clock.now() * 1_000;
  return () => zero + clock.now() * 1_000;
}

/** A source of numbers in [0, 1). */
export type Rng = () => number;

export const systemRng: Rng = Math.random;
