import { mix32 } from './mix.ts';

/**
 * MurmurHash3_x86_32 of a string, one byte a character: what Latin-1 text hashes to in any implementation. Of a
 * character above U+00FF the two bytes are folded into one. Not for secrets: keys that collide are easily made.
 */
export function murmur3(text: string, seed: number): number {
  const { length } = text;
  const whole = length - (length % 4);
  let hash = seed | 0;
  for (let at = 0; at < whole; at += 4) {
    const block =
      byteAt(text, at) |
      (byteAt(text, at + 1) << 8) |
      (byteAt(text, at + 2) << 16) |
      (byteAt(text, at + 3) << 24);
    hash ^= scramble(block);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let at = length - 1; at >= whole; at--) tail = (tail << 8) | byteAt(text, at);
  return mix32(hash ^ scramble(tail) ^ length) >>> 0;
}

function scramble(block: number): number {
  block = Math.imul(block, 0xcc9e2d51);
  return Math.imul((block << 15) | (block >>> 17), 0x1b873593);
}

function byteAt(text: string, index: number): number {
  const code = text.charCodeAt(index);
  return code < 256 ? code : (code ^ (code >> 8)) & 255;
}
