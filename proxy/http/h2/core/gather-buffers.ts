import { FRAME_HEAD_BYTES, MAX_FRAME_BYTES } from './protocol.ts';

/** Room for four full frames: what one write takes at most. */
export const GATHER_BYTES = 4 * (FRAME_HEAD_BYTES + MAX_FRAME_BYTES);
/** 4 MiB. */
const MAX_SPARE = 64;

/** Buffers of one worker, in which connections gather what they write. */
export class GatherBuffers {
  readonly #spare: GatherBuffer[] = [];

  take(): GatherBuffer {
    return this.#spare.pop() ?? new GatherBuffer(this);
  }

  giveBack(buffer: GatherBuffer): void {
    if (this.#spare.length < MAX_SPARE) this.#spare.push(buffer);
  }
}

export class GatherBuffer {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(GATHER_BYTES);
  /** For a write: it is free again. */
  readonly written: (error?: Error | null) => void;

  constructor(owner: GatherBuffers) {
    this.written = (error) => {
      // Of a connection that was lost some may still be on its way.
      if (!error) owner.giveBack(this);
    };
  }
}
