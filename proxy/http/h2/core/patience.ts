import type { Clock } from '../../../../lib/clock.ts';
import { FRAME_HEAD_BYTES } from './protocol.ts';

/** Streams that may end in a reset at once: what a browser drops when its user leaves a busy page. */
const RESETS = 100;
const RESETS_PER_SECOND = 20;
/**
 * A stream that has lived for so long is not reset rapidly: in this time there are as many of them as there may be at a
 * time. A client whose deadlines pass at a slow backend resets one request after the other.
 */
const RAPID_MS = 1_000;

/** Bytes that may come at once and be of no use to any request. */
const WASTE_BYTES = 32_768;
const WASTE_BYTES_PER_SECOND = 1_024;
/** What useful traffic has earned and not used yet: peers send a WINDOW_UPDATE for what they get, perhaps later. */
const MAX_EARNED_BYTES = 1_048_576;

/** What a frame costs beside its bytes. */
const FRAME_COST = 32;
/** What comes along with a request: PINGs, WINDOW_UPDATEs and PRIORITYs of the peer. */
const REQUEST_EARNS = 256;
/** A peer may tell of every frame of content, and of every 128 bytes, that it has read them, for stream and connection. */
const UPDATE_COST = 2 * (FRAME_COST + 13);
const BYTES_PER_UPDATE = 128;
const CONTENT_EARNS = UPDATE_COST;
/** More than such a frame earns as content. */
const CRUMB_COST = CONTENT_EARNS * 2;

/**
 * How much longer one HTTP/2 connection is put up with. Its peer may cost us two things that bring it nothing: streams
 * that are reset, by the peer or for what it did (E01, E02), and frames that are of no use to any request: PING,
 * SETTINGS, PRIORITY, WINDOW_UPDATE, unknown frames, empty DATA, padding (E07). Both are measured against what it does
 * that is of use, so that a busy connection may do more of either.
 */
export class Patience {
  readonly #clock: Clock;
  #resets = RESETS;
  #waste = WASTE_BYTES;
  #isInformed = false;
  /** When both were last replenished. */
  #at: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#at = clock.now();
  }

  /** A request, or its response. */
  request(): void {
    this.#earn(REQUEST_EARNS);
  }

  /** Content, in either direction. */
  content(bytes: number): void {
    this.#earn(CONTENT_EARNS + (bytes / BYTES_PER_UPDATE) * UPDATE_COST);
  }

  /** A frame that is of no use. False: that is enough. */
  frame(bytes: number): boolean {
    return this.waste(FRAME_COST + bytes);
  }

  /** A frame of ours that is so small because the peer opens its window by so little. False: that is enough. */
  crumb(): boolean {
    return this.waste(CRUMB_COST);
  }

  /** Bytes that are of no use. False: that is enough. */
  waste(bytes: number): boolean {
    this.#waste -= bytes;
    if (this.#waste < 0) this.#replenish();
    return this.#waste >= 0;
  }

  /** A stream ended as it should. */
  completed(): void {
    if (this.#resets < RESETS) this.#resets += 1;
  }

  /** A stream was reset that has lived for so long. False: that is enough. */
  reset(livedMs = 0): boolean {
    if (livedMs < RAPID_MS) this.#resets -= 1;
    if (this.#resets < 0) this.#replenish();
    return this.#resets >= 0;
  }

  /** The peer has acknowledged our SETTINGS. */
  informed(): void {
    this.#isInformed = true;
  }

  /** A stream is one too many; a peer that has not heard how many are taken is not to blame. False: that is enough. */
  refused(): boolean {
    return this.#isInformed ? this.reset() : this.frame(FRAME_HEAD_BYTES);
  }

  #earn(bytes: number): void {
    if (this.#waste < MAX_EARNED_BYTES) this.#waste += bytes;
  }

  /** The clock is looked at when one of them has run out, and not before. */
  #replenish(): void {
    const now = this.#clock.now();
    const seconds = (now - this.#at) / 1_000;
    this.#at = now;
    this.#resets = Math.min(RESETS, this.#resets + seconds * RESETS_PER_SECOND);
    const waste = this.#waste + seconds * WASTE_BYTES_PER_SECOND;
    this.#waste = Math.min(Math.max(this.#waste, WASTE_BYTES), waste);
  }
}
