import type { Clock } from '../../lib/clock.ts';
import { Deadline, type Deadlines } from '../conn/deadlines.ts';
import { ExchangeLimits, type LimitReached } from './exchange-limits.ts';
import type { RouteTarget } from './route-target.ts';

/** The one deadline of an exchange, set by whichever of its limits comes next. */
export class ExchangeTimer {
  readonly limits = new ExchangeLimits();
  readonly #deadlines: Deadlines;
  readonly #clock: Clock;
  readonly #deadline: Deadline;

  /** @param expired the deadline has passed; that a limit was reached is not said by that, but by `reached` */
  constructor(
    { deadlines, clock }: { readonly deadlines: Deadlines; readonly clock: Clock },
    expired: () => void,
  ) {
    this.#deadlines = deadlines;
    this.#clock = clock;
    this.#deadline = new Deadline(expired);
  }

  /** To be called when limits have come. Where none binds the deadline stays: it will find that nothing was reached. */
  arm(now: number): void {
    const { next } = this.limits;
    if (next !== Infinity) this.#deadlines.set(this.#deadline, Math.max(0, next - now));
  }

  /** Puts the stall limit off; the deadline itself is moved when it comes. */
  moved(target: RouteTarget): void {
    this.limits.moved(target, this.#deadlines.coarseNow);
    if (this.#deadline.at > this.limits.next + target.idleMs) this.arm(this.#clock.now());
  }

  /** Left as it is between two requests, where it is nearly always put off. */
  stop(): void {
    this.#deadlines.clear(this.#deadline);
  }

  /** The limit that was reached; undefined: none was, and the deadline is set anew. */
  reached(): LimitReached | undefined {
    const now = this.#clock.now();
    const limit = this.limits.reached(now);
    if (limit === undefined) this.arm(now);
    return limit;
  }
}
