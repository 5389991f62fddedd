import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { seededRng } from '../seeded-rng.ts';

/** A prime, so that a piece that is lost, doubled or swapped shows, whatever sizes the bytes travel in. */
const BLOCK_BYTES = 1_048_573;
const BLOCK = randomBlock();
/** So that a piece may begin anywhere in the block. */
const TWICE = Buffer.concat([BLOCK, BLOCK]);

/** Writes the first `bytes` of an endless, known sequence, as fast as they are taken, and ends. */
export async function sendBytes(to: Writable, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes;) {
    const piece = BLOCK.subarray(0, Math.min(BLOCK_BYTES, bytes - sent));
    sent += piece.length;
    if (!to.write(piece)) await once(to, 'drain');
  }
  to.end();
}

/** Reads to the end; how many bytes of that sequence came, byte for byte. Throws where one is not what it must be. */
export async function countExact(from: Readable): Promise<number> {
  let count = 0;
  // It may be one half of a socket, whose other half is used further.
  for await (const chunk of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    for (let pos = 0; pos < chunk.length;) {
      const at = count % BLOCK_BYTES;
      const length = Math.min(chunk.length - pos, BLOCK_BYTES);
      if (chunk.compare(TWICE, at, at + length, pos, pos + length) !== 0) {
        throw new Error(`not what was sent: within ${length} bytes behind byte ${count}`);
      }
      pos += length;
      count += length;
    }
  }
  return count;
}

function randomBlock(): Buffer {
  const rng = seededRng(1);
  const block = Buffer.alloc(BLOCK_BYTES);
  for (let i = 0; i < BLOCK_BYTES; i++) block[i] = rng() * 256;
  return block;
}
