import type { Outbox } from './outbox.ts';
import { DEFAULT_WINDOW_BYTES, MAX_FRAME_BYTES, MAX_INT31 } from './protocol.ts';

/** A stream that holds content. */
interface Holder {
  /** Sends one frame of it, as far as that may be sent. */
  sendHeld(): void;
}

/** What a connection may send for all of its streams, and the streams that wait for that, in turn. */
export class SendQueue {
  readonly #outbox: Outbox;
  #window = DEFAULT_WINDOW_BYTES;
  readonly #waiting = new Set<Holder>();

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** The peer takes more. False: more than there can be. */
  open(bytes: number): boolean {
    this.#window += bytes;
    return this.#window <= MAX_INT31;
  }

  spend(bytes: number): void {
    this.#window -= bytes;
  }

  /** How much of `wanted` may be sent in one frame now. */
  sendable(wanted: number): number {
    if (this.#outbox.isBlocked) return 0;
    return Math.max(0, Math.min(wanted, this.#window, MAX_FRAME_BYTES));
  }

  add(stream: Holder): void {
    this.#waiting.add(stream);
  }

  remove(stream: Holder): void {
    this.#waiting.delete(stream);
  }

  clear(): void {
    this.#waiting.clear();
  }

  /** A frame of each stream that waits, in turn: one that is added again comes last. */
  run(): void {
    for (const stream of this.#waiting) {
      if (this.sendable(1) === 0) return;
      this.#waiting.delete(stream);
      stream.sendHeld();
    }
  }
}
