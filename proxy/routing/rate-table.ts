/** How one bucket fills: a request each `intervalUs`, at most `burst` at once. */
export interface Bucket {
  /** What the limit belongs to; the same key in another scope is another bucket. */
  readonly scope: string;
  readonly intervalUs: number;
  readonly burst: number;
}

const HEADER_BYTES = 16;
const CELLS = 131_072;
const WAYS = 8;
const SET_MASK = CELLS / WAYS - 1;
const TIME_BITS = 48n;
const TIME_MASK = (1n << TIME_BITS) - 1n;
const TICKS_PER_US = 4;

/**
 * Token buckets that all worker threads share, in bounded memory (1 MiB, untouched pages cost nothing).
 *
 * A bucket is one 64-bit cell, changed by compare-and-exchange, so that the rate is right over all threads: 16 bits
 * that tell keys apart, 48 bits of time (quarters of a microsecond since the table was made: 2.2 years) at which the
 * bucket will be full again (GCRA: the theoretical arrival time of ITU-T I.371). A key hashes to a set of 8 cells.
 * A full bucket says nothing, so its cell is free; when none is, the one nearest to full is forgotten.
 *
 * The price of the bound: with more than about 65,000 buckets in use at once some clients get their burst again early,
 * and two clients whose keys agree in 30 bits of a hash that is seeded anew in each proxy share a bucket.
 */
export class RateTable {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: BigUint64Array;
  readonly #seed: number;
  readonly #startUs: number;
  readonly #nowUs: () => number;

  /** `nowUs`: microseconds, monotonic, the same in all threads (`processMicros`). */
  constructor(nowUs: () => number, shared: SharedArrayBuffer | { readonly seed: number }) {
    this.#nowUs = nowUs;
    const isNew = !(shared instanceof SharedArrayBuffer);
    this.buffer = isNew ? new SharedArrayBuffer(HEADER_BYTES + CELLS * 8) : shared;
    const header = new Float64Array(this.buffer, 0, 2);
    if (isNew) {
      header[0] = nowUs();
      header[1] = shared.seed;
    }
    this.#startUs = header[0]!;
    this.#seed = header[1]!;
    this.#cells = new BigUint64Array(this.buffer, HEADER_BYTES);
  }

  /** Takes one from the bucket. 0: there was one; else the microseconds until there will be. */
  take(bucket: Bucket, key: string): number {
    const hash = hashKey(this.#seed, bucket.scope, key);
    const first = (hash & SET_MASK) * WAYS;
    const tag = BigInt(hash >>> 16);
    const interval = Math.max(1, Math.round(bucket.intervalUs * TICKS_PER_US));
    for (;;) {
      const now = Math.floor((this.#nowUs() - this.#startUs) * TICKS_PER_US);
      const cell = this.#cellOf(first, tag);
      const seen = Atomics.load(this.#cells, cell);
      const full = seen >> TIME_BITS === tag ? Math.max(now, Number(seen & TIME_MASK)) : now;
      const wait = full - now - interval * (bucket.burst - 1);
      if (wait > 0) return wait / TICKS_PER_US;
      const next = (tag << TIME_BITS) | BigInt(full + interval);
      if (Atomics.compareExchange(this.#cells, cell, seen, next) === seen) return 0;
    }
  }

  /** The key's cell, or else the one of its set that is, or will be, full first. */
  #cellOf(first: number, tag: bigint): number {
    let earliest = first;
    let earliestFull = TIME_MASK;
    for (let cell = first; cell < first + WAYS; cell++) {
      const value = Atomics.load(this.#cells, cell);
      if (value >> TIME_BITS === tag) return cell;
      const full = value & TIME_MASK;
      if (full < earliestFull) {
        earliest = cell;
        earliestFull = full;
      }
    }
    return earliest;
  }
}

/** FNV-1a over both texts with the finalizer of MurmurHash3, so that all 32 bits depend on all of the input. */
function hashKey(seed: number, scope: string, key: string): number {
  let hash = seed | 0;
  for (let i = 0; i < scope.length; i++) hash = Math.imul(hash ^ scope.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ 0xffff, 0x01000193);
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
