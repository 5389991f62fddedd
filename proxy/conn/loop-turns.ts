import type { Clock } from '../../lib/clock.ts';

/** What the kernel may know and we do not yet, at most, when a look counts as fresh. */
const FRESH_MS = 5;

/** Waits for a fresh look at the sockets. */
export interface Polled {
  polled(): void;
}

/**
 * Tells how long ago the event loop last asked the kernel about all sockets. An idle connection may only be used
 * again when that is a moment ago: had the backend closed it, or said something nobody asked for, while the thread
 * was busy, the event for it may still be waiting behind the one that is being handled.
 *
 * While requests come in quick succession this costs an immediate every few milliseconds; else it costs a request
 * one more turn of the loop, a few microseconds.
 */
export class LoopTurns {
  readonly #clock: Clock;
  /** End of the last turn's events that is known: the kernel was asked after it. */
  #checkedAt = -Infinity;
  #isScheduled = false;
  /** Came in the present turn: one more look, then they go. */
  #arrived: Polled[] = [];
  #waiting: Polled[] = [];
  readonly #check: () => void;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#check = () => this.#endTurn();
  }

  /** Was the kernel asked within the last few milliseconds before `now`? */
  isFresh(now: number): boolean {
    const age = now - this.#checkedAt;
    // In good time for those that come next.
    if (age >= FRESH_MS / 2) this.#schedule();
    return age < FRESH_MS;
  }

  /** Calls `waiter` once every socket has been looked at after now. */
  afterPoll(waiter: Polled): void {
    this.#arrived.push(waiter);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#check);
  }

  /** Immediates run when the events that one look brought have all been handled. */
  #endTurn(): void {
    this.#isScheduled = false;
    this.#checkedAt = this.#clock.now();
    const ready = this.#waiting;
    this.#waiting = this.#arrived;
    this.#arrived = [];
    if (this.#waiting.length > 0) this.#schedule();
    for (const waiter of ready) waiter.polled();
  }
}
