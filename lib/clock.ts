/** Time as an argument, so that tests can turn it. */
export interface Clock {
  /** Monotonic milliseconds: for durations and deadlines; a clock jump does not move it. */
  now(): number;
  /** Milliseconds since the epoch: for what a person reads. */
  wall(): number;
  /** Calls `fn` once after `ms` unless the returned function is called first. Never keeps the process alive. */
  after(ms: number, fn: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** A source of numbers in [0, 1). */
export type Rng = () => number;

export const systemRng: Rng = Math.random;
