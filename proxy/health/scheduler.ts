import type { Clock, Rng } from '../../lib/clock.ts';
import { DeadlineHeap, type Deadline } from './deadline-heap.ts';
import type { ProbeResult, ProbeTarget, RunProbe } from './probe.ts';

/** Probes fall due in batches at most this often: a wake-up a batch, not one an endpoint. */
const TICK_MS = 10;
/** Up to this share sooner than its pace, at random. */
const JITTER = 0.1;
/** Share of the slots that one lane may hold: a dead rack never delays the living, nor slow ones who comes back. */
const LANE_SHARE = 0.75;
const DEFAULT_CONCURRENCY = 512;

export interface SchedulerDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly run: RunProbe;
  /** Probes under way at once (each holds a descriptor); the rest wait their turn. */
  readonly maxConcurrent?: number;
}

/** `startedAt`: monotonic milliseconds at which the probe began. */
export type OnResult = (result: ProbeResult, startedAt: number) => void;

/** One party's interest in a target's results. */
export interface Watch {
  /** Probe at `unhealthyIntervalMs` (true) or at `intervalMs`; a target goes at the fastest pace anyone asks for. */
  urgent(value: boolean): void;
  /** Probe as soon as there is a free slot. */
  now(): void;
  /** No more results. The target is forgotten when nobody watches it any more. */
  stop(): void;
}

interface Watcher {
  readonly onResult: OnResult;
  urgent: boolean;
}

/** The urgent and the rest each have their queue. */
interface Lane {
  readonly waiting: Set<Task>;
  running: number;
}

interface Task extends Deadline {
  readonly key: string;
  readonly target: ProbeTarget;
  readonly watchers: Set<Watcher>;
  startedAt: number;
  /** While a probe is under way: ends it. */
  cancel: (() => void) | undefined;
  /** Where it waits for a slot, or holds one. */
  lane: Lane | undefined;
  /** Asked for again while under way. */
  again: boolean;
}

/**
 * Runs every probe of the proxy, one at a time for each (address, port, spec), however many pools ask for it.
 *
 * 1. A new target, and one that gets a new watcher, is probed at once; after that from start to start at its pace,
 *    or up to 10 % sooner, so that an interval is a bound. The second probe comes at a random time within the
 *    interval, so that targets that came together do not stay together.
 * 2. A target is never probed twice at the same time; a probe that takes longer than the interval delays the next.
 * 3. Only the monotonic clock is read.
 */
export class ProbeScheduler {
  readonly #deps: SchedulerDeps;
  readonly #max: number;
  readonly #tasks = new Map<string, Task>();
  readonly #due = new DeadlineHeap<Task>();
  readonly #calm: Lane = { waiting: new Set(), running: 0 };
  readonly #urgent: Lane = { waiting: new Set(), running: 0 };
  #timer: { at: number; cancel: () => void } | undefined;
  #closed = false;

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
    this.#max = deps.maxConcurrent ?? DEFAULT_CONCURRENCY;
  }

  /** Distinct targets. */
  get size(): number {
    return this.#tasks.size;
  }

  /** Probes under way. */
  get running(): number {
    return this.#calm.running + this.#urgent.running;
  }

  watch(target: ProbeTarget, urgent: boolean, onResult: OnResult): Watch {
    const task = this.#taskFor(target);
    const watcher: Watcher = { onResult, urgent };
    task.watchers.add(watcher);
    this.#now(task);
    return {
      urgent: (value) => {
        if (watcher.urgent === value || !task.watchers.has(watcher)) return;
        watcher.urgent = value;
        if (value && task.heapIndex >= 0) {
          this.#schedule(task, Math.min(task.dueAt, task.startedAt + this.#jittered(task)));
        }
      },
      now: () => {
        if (task.watchers.has(watcher)) this.#now(task);
      },
      stop: () => {
        if (task.watchers.delete(watcher) && task.watchers.size === 0) this.#forget(task);
      },
    };
  }

  /** Ends every probe and the timer, for good. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const task of this.#tasks.values()) this.#forget(task);
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #taskFor(target: ProbeTarget): Task {
    const key = `${target.address} ${target.port} ${target.spec.key}`;
    let task = this.#tasks.get(key);
    if (task === undefined) {
      task = {
        key,
        target,
        watchers: new Set(),
        startedAt: -Infinity,
        cancel: undefined,
        lane: undefined,
        again: false,
        dueAt: 0,
        heapIndex: -1,
      };
      this.#tasks.set(key, task);
    }
    return task;
  }

  #forget(task: Task): void {
    this.#tasks.delete(task.key);
    task.watchers.clear();
    this.#due.remove(task);
    task.lane?.waiting.delete(task);
    if (task.cancel === undefined) return;
    task.cancel();
    this.#release(task);
    this.#startWaiting();
  }

  #now(task: Task): void {
    if (task.cancel !== undefined) task.again = true;
    else if (task.lane === undefined) this.#schedule(task, this.#deps.clock.now());
  }

  #schedule(task: Task, dueAt: number): void {
    if (this.#closed) return;
    task.dueAt = dueAt;
    this.#due.put(task);
    this.#arm();
  }

  #arm(): void {
    const next = this.#due.peek();
    if (next === undefined) return;
    const now = this.#deps.clock.now();
    const at = next.dueAt <= now ? now : Math.max(next.dueAt, now + TICK_MS);
    if (this.#timer !== undefined) {
      if (this.#timer.at <= at) return;
      this.#timer.cancel();
    }
    this.#timer = { at, cancel: this.#deps.clock.after(at - now, () => this.#tick()) };
  }

  #tick(): void {
    this.#timer = undefined;
    const now = this.#deps.clock.now();
    for (let task = this.#due.peek(); task !== undefined && task.dueAt <= now; task = this.#due.peek()) {
      this.#due.remove(task);
      task.lane = isUrgent(task) ? this.#urgent : this.#calm;
      task.lane.waiting.add(task);
    }
    this.#startWaiting();
    this.#arm();
  }

  #startWaiting(): void {
    if (this.#closed) return;
    for (const lane of [this.#calm, this.#urgent]) {
      for (const task of lane.waiting) {
        if (this.running >= this.#max || lane.running >= this.#max * LANE_SHARE) break;
        lane.waiting.delete(task);
        lane.running++;
        this.#start(task);
      }
    }
  }

  #start(task: Task): void {
    const first = task.startedAt === -Infinity;
    task.again = false;
    task.startedAt = this.#deps.clock.now();
    task.cancel = this.#deps.run(task.target, (result) => this.#finish(task, result, first));
  }

  #finish(task: Task, result: ProbeResult, first: boolean): void {
    this.#release(task);
    for (const watcher of task.watchers) watcher.onResult(result, task.startedAt);
    // A watcher may have asked for another probe from within its callback: then it has its place already.
    if (task.watchers.size > 0 && task.heapIndex < 0) {
      const now = this.#deps.clock.now();
      const spread = first && !isUrgent(task) ? 0.1 + 0.9 * this.#deps.rng() : 1;
      this.#schedule(task, task.again ? now : Math.max(now, task.startedAt + spread * this.#jittered(task)));
    }
    this.#startWaiting();
  }

  #release(task: Task): void {
    task.cancel = undefined;
    task.lane!.running--;
    task.lane = undefined;
  }

  #jittered(task: Task): number {
    const { intervalMs, unhealthyIntervalMs } = task.target.spec;
    const pace = isUrgent(task) ? Math.min(unhealthyIntervalMs, intervalMs) : intervalMs;
    return pace * (1 - JITTER * this.#deps.rng());
  }
}

function isUrgent(task: Task): boolean {
  for (const watcher of task.watchers) if (watcher.urgent) return true;
  return false;
}
