import { GATHER_BYTES, type GatherBuffer, type GatherBuffers } from './gather-buffers.ts';

/** Smaller ones come cheaper from Node. */
const MIN_POOLED_BYTES = 16_384;

/**
 * Content of a stream that has to wait. Large parts are in buffers that are used again: made anew for each, they would
 * keep the garbage collector busy.
 */
export class HeldPart {
  readonly bytes: Buffer;
  readonly #buffers: GatherBuffers;
  readonly #buffer: GatherBuffer | undefined;

  constructor(size: number, buffers: GatherBuffers) {
    this.#buffers = buffers;
    const isPooled = size >= MIN_POOLED_BYTES && size <= GATHER_BYTES;
    this.#buffer = isPooled ? buffers.take() : undefined;
    this.bytes = this.#buffer?.bytes.subarray(0, size) ?? Buffer.allocUnsafe(size);
  }

  /** It has left, or never will. */
  release(): void {
    if (this.#buffer !== undefined) this.#buffers.giveBack(this.#buffer);
  }
}
