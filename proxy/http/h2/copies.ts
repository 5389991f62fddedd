import type { BodyPiece } from '../h1/body-relay.ts';

/** One read of a backend connection. */
const COPY_BYTES = 65_536;
/** Smaller ones come cheaper from Node. */
const MIN_BYTES = 16_384;
/** 4 MiB. */
const MAX_SPARE = 64;

/** Somewhere to write to, which tells when it is done. */
interface Target {
  write(bytes: Buffer, done?: (error?: Error | null) => void): unknown;
}

/**
 * Writes copies of what is in a shared buffer to streams that keep what they are given for a while. Large ones go
 * through buffers that are used again: made anew for each, they would keep the garbage collector busy.
 */
export class Copies {
  readonly #spare: Buffer[] = [];

  /** Writes the content of a piece, in one. Answers its size. */
  write(target: Target, bytes: Buffer, { ranges, rangeCount }: BodyPiece): number {
    let size = 0;
    for (let i = 0; i < rangeCount; i++) size += ranges[i * 2 + 1]! - ranges[i * 2]!;
    if (size === 0) return 0;
    const isPooled = size >= MIN_BYTES && size <= COPY_BYTES;
    const copy = isPooled ? this.#take() : Buffer.allocUnsafe(size);
    let end = 0;
    for (let i = 0; i < rangeCount; i++) end += bytes.copy(copy, end, ranges[i * 2], ranges[i * 2 + 1]);
    if (!isPooled) target.write(copy);
    else {
      target.write(copy.subarray(0, size), (error) => {
        // Of a stream that was lost some may still be on its way.
        if (!error) this.#giveBack(copy);
      });
    }
    return size;
  }

  #take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(COPY_BYTES);
  }

  #giveBack(copy: Buffer): void {
    if (this.#spare.length < MAX_SPARE) this.#spare.push(copy);
  }
}
