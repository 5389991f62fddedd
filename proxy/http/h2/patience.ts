/** Streams that may end in a reset at once: what a browser drops when its user leaves a busy page. */
const RESETS = 100;
const RESETS_PER_SECOND = 20;

/** Bytes that may come at once and be no part of any request. */
const OVERHEAD_BYTES = 32_768;
const OVERHEAD_BYTES_PER_SECOND = 1_024;
/** What useful traffic has earned and not used yet: clients send a WINDOW_UPDATE for what they get, perhaps later. */
const MAX_EARNED_BYTES = 1_048_576;

/** Of each frame in either direction: its own head, and the WINDOW_UPDATEs and PINGs that clients send along with it. */
const FRAME_BYTES = 64;
/** A client may tell of every 128 bytes that it has read them. */
const BYTES_PER_UPDATE = 128;
const UPDATE_BYTES = 26;

/**
 * How much longer one HTTP/2 connection is put up with. It may cost us two things that bring it nothing: streams that
 * are reset, by the client or for what the client did (E01, E02), and bytes that belong to no request: PING, SETTINGS,
 * PRIORITY and unknown frames, empty DATA, padding, header blocks that do not end (E03, E07). Both are measured
 * against what it does that is of use, so that a busy connection may do more of either.
 */
export class Patience {
  #resets = RESETS;
  #overhead = OVERHEAD_BYTES;
  #earned = 0;
  #bytes = 0;
  #at: number;

  /** @param now `Clock.now()`, here and below */
  constructor(now: number) {
    this.#at = now;
  }

  /** A request, or its trailers, of this size in text. */
  received(headBytes: number): void {
    this.#earned += headBytes + FRAME_BYTES * 4;
  }

  /** A frame of a body, from the client or to it. */
  moved(bytes: number): void {
    this.#earned += FRAME_BYTES + bytes + (bytes / BYTES_PER_UPDATE) * UPDATE_BYTES;
  }

  /** A stream ended as it should. */
  completed(): void {
    if (this.#resets < RESETS) this.#resets += 1;
  }

  /** A stream was reset. False: that is enough. */
  reset(): boolean {
    this.#resets -= 1;
    return this.#resets >= 0;
  }

  /** False: more came than can be of use. @param bytesRead of the connection, in all */
  check(bytesRead: number, now: number): boolean {
    const seconds = Math.max(0, now - this.#at) / 1_000;
    this.#at = now;
    this.#resets = Math.min(RESETS, this.#resets + seconds * RESETS_PER_SECOND);
    if (this.#overhead < OVERHEAD_BYTES) {
      this.#overhead = Math.min(OVERHEAD_BYTES, this.#overhead + seconds * OVERHEAD_BYTES_PER_SECOND);
    }
    this.#overhead = Math.min(MAX_EARNED_BYTES, this.#overhead + this.#earned - (bytesRead - this.#bytes));
    this.#earned = 0;
    this.#bytes = bytesRead;
    return this.#overhead >= 0;
  }
}
