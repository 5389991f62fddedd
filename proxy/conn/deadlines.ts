import type { Clock } from '../../lib/clock.ts';

const TICK_MS = 50;
const SLOTS = 512;

/**
 * A deadline that can be set, put off and cleared any number of times at next to no cost. Part of what it watches
 * over: a connection has one for each thing that can take too long, made once.
 */
export class Deadline {
  readonly #expired: () => void;
  /** When it falls due, in the wheel's milliseconds; Infinity: not set. */
  at = Number.POSITIVE_INFINITY;
  prev: Deadline | undefined;
  next: Deadline | undefined;
  /** The wheel's slot it hangs in; -1: none. */
  slot = -1;

  constructor(expired: () => void) {
    this.#expired = expired;
  }

  expire(): void {
    this.#expired();
  }
}

/**
 * The deadlines of all connections of a worker on one coarse timer: a hashed timing wheel (Varghese and Lauck, 1987)
 * whose entries move only when their slot comes round.
 *
 * Guarantees: a deadline never expires early, and at most three ticks (150 ms) late while the event loop runs; one that
 * is put off again and again is touched once a turn of the wheel, not each time; nothing ticks while none is set.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #slots: (Deadline | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  readonly #due: Deadline[] = [];
  #now: number;
  #tick: number;
  #size = 0;
  #ticking = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#now = clock.now();
    this.#tick = Math.floor(this.#now / TICK_MS);
  }

  /** How many are set. */
  get size(): number {
    return this.#size;
  }

  /** The clock as of the last tick, or now while nothing ticks: good enough to put a deadline off by. */
  get coarseNow(): number {
    return this.#now;
  }

  /** Sets or moves a deadline to `ms` from now. Putting it off costs one assignment. */
  set(deadline: Deadline, ms: number): void {
    if (!this.#ticking) this.#start();
    // The tick may be almost over: counted from its end, so that nothing expires early.
    const at = this.#now + ms + TICK_MS;
    const isLater = at >= deadline.at;
    deadline.at = at;
    if (deadline.slot >= 0) {
      if (isLater) return;
      this.#unlink(deadline);
    } else {
      this.#size++;
    }
    this.#link(deadline);
  }

  clear(deadline: Deadline): void {
    deadline.at = Number.POSITIVE_INFINITY;
    if (deadline.slot < 0) return;
    this.#unlink(deadline);
    this.#size--;
  }

  #start(): void {
    this.#now = this.#clock.now();
    this.#tick = Math.floor(this.#now / TICK_MS);
    this.#ticking = true;
    this.#clock.after(TICK_MS, this.#turn);
  }

  readonly #turn = (): void => {
    this.#now = this.#clock.now();
    const target = Math.floor(this.#now / TICK_MS);
    // After a long stall one whole turn sees every slot.
    const from = Math.max(this.#tick + 1, target - SLOTS + 1);
    this.#tick = target;
    for (let tick = from; tick <= target; tick++) this.#sweep(tick % SLOTS);
    if (this.#size === 0) this.#ticking = false;
    else this.#clock.after(TICK_MS, this.#turn);
  };

  #sweep(slot: number): void {
    let deadline = this.#slots[slot];
    this.#slots[slot] = undefined;
    // All are taken off the wheel before one expires: that may set and clear any deadline, also another due one.
    while (deadline !== undefined) {
      const next: Deadline | undefined = deadline.next;
      deadline.prev = undefined;
      deadline.next = undefined;
      deadline.slot = -1;
      if (deadline.at > this.#now) {
        this.#link(deadline);
      } else {
        this.#size--;
        this.#due.push(deadline);
      }
      deadline = next;
    }
    for (const due of this.#due) {
      if (due.slot >= 0 || due.at > this.#now) continue;
      due.at = Number.POSITIVE_INFINITY;
      due.expire();
    }
    this.#due.length = 0;
  }

  #link(deadline: Deadline): void {
    const ticks = Math.min(SLOTS - 1, Math.max(1, Math.ceil(deadline.at / TICK_MS) - this.#tick));
    const slot = (this.#tick + ticks) % SLOTS;
    const head = this.#slots[slot];
    deadline.slot = slot;
    deadline.prev = undefined;
    deadline.next = head;
    if (head !== undefined) head.prev = deadline;
    this.#slots[slot] = deadline;
  }

  #unlink(deadline: Deadline): void {
    if (deadline.prev === undefined) this.#slots[deadline.slot] = deadline.next;
    else deadline.prev.next = deadline.next;
    if (deadline.next !== undefined) deadline.next.prev = deadline.prev;
    deadline.prev = undefined;
    deadline.next = undefined;
    deadline.slot = -1;
  }
}
