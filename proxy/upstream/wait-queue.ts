import type { Clock } from '../../lib/clock.ts';
import type { PickFailure } from '../balancer/picker.ts';
import type { EndpointState, Waiters } from '../state/endpoint-state.ts';
import type { SharedTable } from '../state/shared-table.ts';

/** How a wait ends: with an acquired endpoint, because no endpoint is left to wait for, or too late. */
export type WaitResult = EndpointState | Exclude<PickFailure, 'all-full'> | 'queue-timeout';

export interface WaitLimits {
  /** Requests that may wait for one backend, over all workers of this proxy. */
  readonly max: number;
  readonly timeoutMs: number;
}

export interface Wait {
  /** Slots of the upstreams whose endpoints would do. */
  readonly upstreams: readonly number[];
  readonly limits: WaitLimits;
  /** Acquires an endpoint if one has room. */
  readonly attempt: () => EndpointState | PickFailure;
  /** Called once, unless cancelled before; never from within `enqueue` or a release. */
  readonly done: (result: WaitResult) => void;
}

interface Waiter extends Wait {
  readonly sinceMs: number;
}

/** What no release tells of (an endpoint that came up, a raised limit, a deadline, a worker that hangs) is seen within this time. */
const POLL_MS = 20;
/** A wake-up is waited for anew after this time, so that nothing waits for ever. */
const REARM_MS = 1_000;

/**
 * Requests of one worker that wait because every endpoint they might go to is full.
 *
 * 1. First come, first served among those that wait for a backend, over all workers: who frees a place looks whether
 *    another worker's request has waited longer, wakes that worker and leaves the place to it.
 * 2. At most `max` wait for a backend, over all workers.
 * 3. Nobody waits longer than `timeoutMs`, within 20 ms.
 *
 * The other half of 1 is with BackendSelector: what arrives while others wait lines up behind them.
 */
export class WaitQueue {
  readonly #table: SharedTable;
  readonly #clock: Clock;
  /** By upstream slot, the longest waiting first. A waiter is in the line of each upstream it waits for. */
  readonly #lines = new Map<number, Set<Waiter>>();
  #polling = false;
  #listening = false;
  readonly #freed = new Set<number>();

  constructor(table: SharedTable, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  /** How many wait. */
  get size(): number {
    const waiters = new Set<Waiter>();
    for (const line of this.#lines.values()) for (const waiter of line) waiters.add(waiter);
    return waiters.size;
  }

  /** Lines up; the returned function cancels. */
  enqueue(wait: Wait): (() => void) | 'queue-full' {
    const entered: number[] = [];
    for (const slot of wait.upstreams) {
      if (!this.#table.tryWait(slot, wait.limits.max)) {
        for (const left of entered) this.#table.endWait(left);
        return 'queue-full';
      }
      entered.push(slot);
    }
    const waiter: Waiter = { ...wait, sinceMs: this.#clock.now() };
    for (const slot of waiter.upstreams) {
      const line = this.#lines.get(slot);
      if (line !== undefined) line.add(waiter);
      else {
        this.#lines.set(slot, new Set([waiter]));
        this.#table.setOldestWait(slot, waiter.sinceMs);
      }
    }
    this.#poll();
    void this.#listen();
    // A place that was freed between the pick that failed and now has woken nobody.
    this.#serveSoon(waiter.upstreams);
    return () => this.#leave(waiter);
  }

  /** Those who wait for this upstream, for its endpoints to tell. */
  waitersOf(upstream: number): Waiters {
    const table = this.#table;
    const freed = [upstream];
    return {
      get any() {
        return table.waiting(upstream) !== 0;
      },
      freed: () => this.#serveSoon(freed),
    };
  }

  #serveSoon(upstreams: readonly number[]): void {
    if (this.#freed.size === 0) {
      queueMicrotask(() => {
        const freed = [...this.#freed];
        this.#freed.clear();
        for (const slot of freed) this.#serve(slot, false);
      });
    }
    for (const slot of upstreams) this.#freed.add(slot);
  }

  /** @param late give way to no one: those who waited longer had their chance */
  #serve(slot: number, late: boolean): void {
    for (;;) {
      const [first] = this.#lines.get(slot) ?? [];
      if (!late && this.#giveWay(slot, first)) return;
      if (first === undefined) return;
      const result = first.attempt();
      if (result === 'all-full') return;
      this.#finish(first, result);
    }
  }

  /** Wakes the worker whose request has waited longer than this one's first, if there is one. */
  #giveWay(slot: number, first: Waiter | undefined): boolean {
    const now = this.#clock.now();
    const waited = first === undefined ? -1 : Math.ceil(now - first.sinceMs);
    const elsewhere = this.#table.olderWaitElsewhere(slot, waited, now);
    if (elsewhere === -1) return false;
    this.#table.wake(elsewhere);
    return true;
  }

  #finish(waiter: Waiter, result: WaitResult): void {
    this.#leave(waiter);
    waiter.done(result);
  }

  #leave(waiter: Waiter): void {
    for (const slot of waiter.upstreams) {
      const line = this.#lines.get(slot);
      if (line?.delete(waiter) !== true) continue;
      this.#table.endWait(slot);
      const [first] = line;
      if (first === undefined) this.#lines.delete(slot);
      this.#table.setOldestWait(slot, first?.sinceMs);
    }
  }

  #poll(): void {
    if (this.#polling) return;
    this.#polling = true;
    this.#clock.after(POLL_MS, () => {
      this.#polling = false;
      const now = this.#clock.now();
      for (const line of this.#lines.values()) {
        for (const waiter of line) {
          if (now - waiter.sinceMs >= waiter.limits.timeoutMs) this.#finish(waiter, 'queue-timeout');
        }
      }
      for (const slot of this.#lines.keys()) this.#serve(slot, true);
      if (this.#lines.size > 0) this.#poll();
    });
  }

  async #listen(): Promise<void> {
    if (this.#listening) return;
    this.#listening = true;
    while (this.#lines.size > 0) {
      await this.#table.wakened(REARM_MS);
      for (const slot of this.#lines.keys()) this.#serve(slot, false);
    }
    this.#listening = false;
  }
}
