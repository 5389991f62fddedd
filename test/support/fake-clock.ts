import type { Clock } from '../../lib/clock.ts';

/** A clock that stands still until `advance` turns it; timers fire in order, each at its own time. */
export class FakeClock implements Clock {
  #now = 0;
  #wall = Date.UTC(2026, 0, 1);
  #nextId = 0;
  readonly #timers = new Map<number, { at: number; fn: () => void }>();

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wall + this.#now;
  }

  after(ms: number, fn: () => void): () => void {
    const id = this.#nextId++;
    this.#timers.set(id, { at: this.#now + Math.max(0, ms), fn });
    return () => this.#timers.delete(id);
  }

  /** Sets the wall clock forward or back, as an operator or NTP would; monotonic time does not notice. */
  jumpWall(ms: number): void {
    this.#wall += ms;
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Turns the clock by `ms`, firing what falls due, also what those timers start. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      let due: [number, { at: number; fn: () => void }] | undefined;
      for (const entry of this.#timers) {
        if (entry[1].at <= end && (due === undefined || entry[1].at < due[1].at)) due = entry;
      }
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.#now = due[1].at;
      due[1].fn();
    }
    this.#now = end;
  }
}
