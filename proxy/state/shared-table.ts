/**
 * What all threads of a proxy share about endpoints and upstreams: one SharedArrayBuffer, a fixed number of
 * slots, plain 32-bit cells. The main thread hands out slots and writes verdicts; workers count.
 *
 * An endpoint slot is one cache line, so that two endpoints never share one:
 *   0 verdict flags                              1 weight percent (slow start, 1..100)
 *   2 latency average in µs                      3 time of the last latency sample in ms
 *   4 failures in a row, all workers             5 failures in a row that are too many; 0: they are not counted
 *
 * In flight stands apart, a cell an endpoint in slot order: least connections reads a thousand of them for one pick, 16
 * to the cache line. (Two threads that count at the very same moment meet on a line more often so. They rarely do: a
 * request lasts a thousand times longer.) It is kept twice, as the total and in a row of each worker's own, so that the
 * count of a worker that died can be taken back out of the total.
 *
 * Attempts that have ended, and those of them that failed, are counted for the metrics in rows of each worker's own, 64
 * bits wide and never taken back: whoever scrapes adds them up, and a request pays one plain write.
 *
 * An upstream slot (one a backend of a pool) is three cache lines:
 *   0 epoch: rises after any verdict or weight percent in the upstream has changed   1 balancing cursor
 *   2 when the epoch last rose, in ms of the shared monotonic clock, modulo 2^32
 *   3 requests that wait for it, all workers
 *   16.. of those, of worker 0, 1, …   32.. since when the oldest of worker 0, 1, … waits; 0: none
 *
 * A worker has one cache line: 0 heartbeat   1 wake: rises when another worker freed what this one waits for
 *
 * The proxy has one: 0 not 0 while new work is shed
 */

export const MAX_WORKERS = 16;
const ENDPOINT_STRIDE = 16;
const UPSTREAM_STRIDE = 48;
const UPSTREAM_ROWS = 16;
const UPSTREAM_OLDEST = 32;
const WORKER_STRIDE = 16;
const ENDPOINT_SLOTS = 65_536;
const UPSTREAM_SLOTS = 32_768;
const TOTALS_BASE = ENDPOINT_SLOTS * ENDPOINT_STRIDE;
const ROWS_BASE = TOTALS_BASE + ENDPOINT_SLOTS;
const UPSTREAM_BASE = ROWS_BASE + (MAX_WORKERS + 1) * ENDPOINT_SLOTS;
const WORKER_BASE = UPSTREAM_BASE + UPSTREAM_SLOTS * UPSTREAM_STRIDE;
const SHEDDING = WORKER_BASE + MAX_WORKERS * WORKER_STRIDE;
const CELLS = SHEDDING + WORKER_STRIDE;
/** Behind the 32-bit cells: a row of attempts and a row of failed ones for each thread. */
const COUNTS_OFFSET = 8 * Math.ceil(CELLS / 2);
const COUNTS = 2 * (MAX_WORKERS + 1) * ENDPOINT_SLOTS;

const FLAGS = 0;
const WEIGHT_PERCENT = 1;
const LATENCY = 2;
const LATENCY_AT = 3;
const FAILURES = 4;
const FAILURE_LIMIT = 5;

const CURSOR = 1;
const CHANGED_AT = 2;
const WAITING = 3;

const WAKE = 1;

/** Verdict flags; what each combination may take is said once, in proxy/health/verdict.ts. */
export const READY = 1;
export const HEALTHY = 2;
export const DRAINING = 4;
export const EXCLUDED = 8;
/** Packets to it are lost: new connections to it get no answer. */
export const UNREACHABLE = 16;

export class SharedTable {
  readonly buffer: SharedArrayBuffer;
  /** `inFlight` of every slot, for loops over many of them. To be read only. */
  readonly inFlightBySlot: Int32Array;
  readonly #cells: Int32Array;
  readonly #worker: number;
  /** Where this worker's row of counts begins. */
  readonly #row: number;
  readonly #counts: Float64Array;
  /** Where this worker's row of attempts begins; that of failed ones is behind it. */
  readonly #countsRow: number;
  /** Slots at and above these were never handed out by this thread. */
  #endpointsEnd = 0;
  #upstreamsEnd = 0;

  /** `worker` is the row this thread counts in; -1 is the main thread, which forwards nothing. */
  constructor(worker: number, buffer?: SharedArrayBuffer) {
    this.#worker = worker;
    this.#row = rowOf(worker);
    // Zeroed pages cost nothing until a slot is used, so the whole capacity is reserved at once.
    this.buffer = buffer ?? new SharedArrayBuffer(COUNTS_OFFSET + 8 * COUNTS);
    this.#cells = new Int32Array(this.buffer, 0, CELLS);
    this.#counts = new Float64Array(this.buffer, COUNTS_OFFSET);
    this.#countsRow = countsRowOf(worker);
    this.inFlightBySlot = this.#cells.subarray(TOTALS_BASE, ROWS_BASE);
  }

  static readonly endpointSlots = ENDPOINT_SLOTS;
  static readonly upstreamSlots = UPSTREAM_SLOTS;

  // ---- endpoints ----

  flags(slot: number): number {
    return this.#cells[slot * ENDPOINT_STRIDE + FLAGS]!;
  }

  setFlags(slot: number, flags: number): void {
    Atomics.store(this.#cells, slot * ENDPOINT_STRIDE + FLAGS, flags);
  }

  /** Takes `HEALTHY` away; true for the one call that did. */
  clearHealthy(slot: number): boolean {
    const before = Atomics.and(this.#cells, slot * ENDPOINT_STRIDE + FLAGS, ~HEALTHY);
    return (before & HEALTHY) !== 0;
  }

  /** Requests or sessions in flight over all workers; a plain read, at most a few ns old. */
  inFlight(slot: number): number {
    return this.#cells[TOTALS_BASE + slot]!;
  }

  /** In flight of one worker. */
  inFlightOf(worker: number, slot: number): number {
    return Atomics.load(this.#cells, rowOf(worker) + slot);
  }

  /** Adds one to the endpoint's in flight if the total is still `seen`; false: somebody else was faster. */
  acquireIf(slot: number, seen: number): boolean {
    const cell = TOTALS_BASE + slot;
    if (Atomics.compareExchange(this.#cells, cell, seen, seen + 1) !== seen) return false;
    this.#cells[this.#row + slot]! += 1;
    return true;
  }

  /** Adds one to the endpoint's in flight unless that is at `max` already. */
  tryAcquire(slot: number, max: number): boolean {
    const cell = TOTALS_BASE + slot;
    for (;;) {
      const seen = Atomics.load(this.#cells, cell);
      if (seen >= max) return false;
      if (this.acquireIf(slot, seen)) return true;
    }
  }

  release(slot: number): void {
    this.#cells[this.#row + slot]! -= 1;
    this.#counts[this.#countsRow + slot]! += 1;
    Atomics.sub(this.#cells, TOTALS_BASE + slot, 1);
  }

  /** Of an attempt that let the endpoint down. */
  countFailedAttempt(slot: number): void {
    this.#counts[this.#countsRow + ENDPOINT_SLOTS + slot]! += 1;
  }

  /** Attempts that have ended since the slot was handed out, over all workers, also those that are gone. */
  attempts(slot: number): { readonly ended: number; readonly failed: number } {
    let ended = 0;
    let failed = 0;
    for (let worker = 0; worker < MAX_WORKERS; worker++) {
      const row = countsRowOf(worker) + slot;
      ended += this.#counts[row]!;
      failed += this.#counts[row + ENDPOINT_SLOTS]!;
    }
    return { ended, failed };
  }

  /** Peak-sensitive average; 0: none known yet. */
  latencyUs(slot: number): number {
    return this.#cells[slot * ENDPOINT_STRIDE + LATENCY]!;
  }

  /** Milliseconds since the last sample, up to 49 days. */
  latencyAgeMs(slot: number, nowMs: number): number {
    return ((nowMs | 0) - this.#cells[slot * ENDPOINT_STRIDE + LATENCY_AT]!) >>> 0;
  }

  /** Plain writes: of two workers that write at once one sample is lost. @param us up to 35 minutes */
  setLatency(slot: number, us: number, nowMs: number): void {
    this.#cells[slot * ENDPOINT_STRIDE + LATENCY] = us;
    this.#cells[slot * ENDPOINT_STRIDE + LATENCY_AT] = nowMs;
  }

  weightPercent(slot: number): number {
    return this.#cells[slot * ENDPOINT_STRIDE + WEIGHT_PERCENT]!;
  }

  setWeightPercent(slot: number, percent: number): void {
    Atomics.store(this.#cells, slot * ENDPOINT_STRIDE + WEIGHT_PERCENT, percent);
  }

  /** Failures since the last success, over all workers; a plain read. */
  failures(slot: number): number {
    return this.#cells[slot * ENDPOINT_STRIDE + FAILURES]!;
  }

  /**
   * Counts a failure; true for the one call that reaches the limit. Whoever lowers the limit looks at `failures`
   * afterwards: then every run that is too long is seen exactly once, here or there.
   */
  countFailure(slot: number): boolean {
    const base = slot * ENDPOINT_STRIDE;
    if (Atomics.load(this.#cells, base + FAILURE_LIMIT) === 0) return false;
    const count = Atomics.add(this.#cells, base + FAILURES, 1) + 1;
    return count === Atomics.load(this.#cells, base + FAILURE_LIMIT);
  }

  clearFailures(slot: number): void {
    Atomics.store(this.#cells, slot * ENDPOINT_STRIDE + FAILURES, 0);
  }

  failureLimit(slot: number): number {
    return this.#cells[slot * ENDPOINT_STRIDE + FAILURE_LIMIT]!;
  }

  setFailureLimit(slot: number, limit: number): void {
    Atomics.store(this.#cells, slot * ENDPOINT_STRIDE + FAILURE_LIMIT, limit);
  }

  /**
   * A slot as it is handed out: full weight, no flags, no latency known. What is in flight is left alone: an
   * endpoint that comes back while requests of its former life end keeps an exact count.
   */
  resetEndpoint(slot: number): void {
    const base = slot * ENDPOINT_STRIDE;
    for (const cell of [FLAGS, LATENCY, LATENCY_AT, FAILURES, FAILURE_LIMIT]) this.#cells[base + cell] = 0;
    this.#cells[base + WEIGHT_PERCENT] = 100;
    for (let worker = -1; worker < MAX_WORKERS; worker++) {
      const row = countsRowOf(worker) + slot;
      this.#counts[row] = 0;
      this.#counts[row + ENDPOINT_SLOTS] = 0;
    }
    this.#endpointsEnd = Math.max(this.#endpointsEnd, slot + 1);
  }

  /** Takes what a dead worker had in flight and waiting out of the totals. For the thread that hands out slots. */
  forgetWorker(worker: number): void {
    for (let slot = 0; slot < this.#endpointsEnd; slot++) {
      const count = Atomics.exchange(this.#cells, rowOf(worker) + slot, 0);
      if (count !== 0) Atomics.sub(this.#cells, TOTALS_BASE + slot, count);
    }
    for (let slot = 0; slot < this.#upstreamsEnd; slot++) {
      const base = UPSTREAM_BASE + slot * UPSTREAM_STRIDE;
      const count = Atomics.exchange(this.#cells, base + UPSTREAM_ROWS + worker, 0);
      if (count !== 0) Atomics.sub(this.#cells, base + WAITING, count);
      Atomics.store(this.#cells, base + UPSTREAM_OLDEST + worker, 0);
    }
  }

  // ---- upstreams ----

  epoch(upstream: number): number {
    return this.#cells[UPSTREAM_BASE + upstream * UPSTREAM_STRIDE]!;
  }

  /** Call it after the flags were written, with `Clock.now()`. */
  bumpEpoch(upstream: number, nowMs: number): void {
    const base = UPSTREAM_BASE + upstream * UPSTREAM_STRIDE;
    this.#cells[base + CHANGED_AT] = nowMs;
    Atomics.add(this.#cells, base, 1);
  }

  /** Milliseconds since the epoch last rose, up to 49 days. */
  sinceEpochMs(upstream: number, nowMs: number): number {
    return ((nowMs | 0) - this.#cells[UPSTREAM_BASE + upstream * UPSTREAM_STRIDE + CHANGED_AT]!) >>> 0;
  }

  cursor(upstream: number): number {
    return Atomics.load(this.#cells, UPSTREAM_BASE + upstream * UPSTREAM_STRIDE + CURSOR);
  }

  /** Moves the cursor from `seen` to `next`; false: another worker moved it first. */
  moveCursor(upstream: number, seen: number, next: number): boolean {
    const cell = UPSTREAM_BASE + upstream * UPSTREAM_STRIDE + CURSOR;
    return Atomics.compareExchange(this.#cells, cell, seen, next) === seen;
  }

  /** The cursor's value before one was added; wraps at 2^32. */
  nextCursor(upstream: number): number {
    return Atomics.add(this.#cells, UPSTREAM_BASE + upstream * UPSTREAM_STRIDE + CURSOR, 1) >>> 0;
  }

  /** Requests that wait for one of its endpoints, over all workers. */
  waiting(upstream: number): number {
    return this.#cells[UPSTREAM_BASE + upstream * UPSTREAM_STRIDE + WAITING]!;
  }

  /** Counts one more request that waits; false, and nothing counted, when `max` wait already. */
  tryWait(upstream: number, max: number): boolean {
    const base = UPSTREAM_BASE + upstream * UPSTREAM_STRIDE;
    if (Atomics.add(this.#cells, base + WAITING, 1) >= max) {
      Atomics.sub(this.#cells, base + WAITING, 1);
      return false;
    }
    this.#cells[base + UPSTREAM_ROWS + this.#worker]! += 1;
    return true;
  }

  /** Undoes one `tryWait`. */
  endWait(upstream: number): void {
    const base = UPSTREAM_BASE + upstream * UPSTREAM_STRIDE;
    this.#cells[base + UPSTREAM_ROWS + this.#worker]! -= 1;
    Atomics.sub(this.#cells, base + WAITING, 1);
  }

  /** Since when this worker's oldest request waits (`Clock.now()`); undefined: none does. */
  setOldestWait(upstream: number, sinceMs: number | undefined): void {
    const cell = UPSTREAM_BASE + upstream * UPSTREAM_STRIDE + UPSTREAM_OLDEST + this.#worker;
    // 0 says that none waits.
    Atomics.store(this.#cells, cell, sinceMs === undefined ? 0 : sinceMs | 0 || 1);
  }

  /** The worker whose request waits longest, if that is another one and it has waited more than `thanMs`; else -1. */
  olderWaitElsewhere(upstream: number, thanMs: number, nowMs: number): number {
    const base = UPSTREAM_BASE + upstream * UPSTREAM_STRIDE + UPSTREAM_OLDEST;
    let oldest = -1;
    for (let worker = 0; worker < MAX_WORKERS; worker++) {
      const since = this.#cells[base + worker]!;
      if (since === 0 || worker === this.#worker) continue;
      const waited = ((nowMs | 0) - since) | 0;
      if (waited <= thanMs) continue;
      oldest = worker;
      thanMs = waited;
    }
    return oldest;
  }

  resetUpstream(upstream: number): void {
    const base = UPSTREAM_BASE + upstream * UPSTREAM_STRIDE;
    this.#cells.fill(0, base, base + UPSTREAM_STRIDE);
    this.#upstreamsEnd = Math.max(this.#upstreamsEnd, upstream + 1);
  }

  // ---- the proxy ----

  /** New work is to be turned away: there is no memory for it. */
  get isShedding(): boolean {
    return this.#cells[SHEDDING] !== 0;
  }

  shed(value: boolean): void {
    Atomics.store(this.#cells, SHEDDING, value ? 1 : 0);
  }

  // ---- workers ----

  /** A sign of life of this thread. */
  beat(): void {
    Atomics.add(this.#cells, WORKER_BASE + this.#worker * WORKER_STRIDE, 1);
  }

  /** Signs of life of a worker so far; one that stands still is hung. */
  heartbeat(worker: number): number {
    return Atomics.load(this.#cells, WORKER_BASE + worker * WORKER_STRIDE);
  }

  /** Ends another worker's `wakened`. */
  wake(worker: number): void {
    const cell = WORKER_BASE + worker * WORKER_STRIDE + WAKE;
    Atomics.add(this.#cells, cell, 1);
    Atomics.notify(this.#cells, cell);
  }

  /** Resolves when another worker wakes this one after this call, or after `timeoutMs`. */
  async wakened(timeoutMs: number): Promise<void> {
    const cell = WORKER_BASE + this.#worker * WORKER_STRIDE + WAKE;
    await Atomics.waitAsync(this.#cells, cell, Atomics.load(this.#cells, cell), timeoutMs).value;
  }
}

/** The first row is the main thread's (-1), which takes an endpoint only to say which one a request would get. */
function rowOf(worker: number): number {
  return ROWS_BASE + (worker + 1) * ENDPOINT_SLOTS;
}

function countsRowOf(worker: number): number {
  return 2 * (worker + 1) * ENDPOINT_SLOTS;
}
