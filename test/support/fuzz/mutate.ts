import type { Rng } from '../../../lib/clock.ts';

const LONGEST = 20_000;

/** Another input out of good ones: now and then as it is, mostly changed in a few places, by bytes or by words. */
export function mutated(corpus: readonly Buffer[], words: readonly string[], rng: Rng): Buffer {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(rng() * list.length)]!;
  let bytes = Buffer.from(pick(corpus));
  const changes = Math.floor(rng() * 5);
  for (let i = 0; i < changes; i++) {
    const at = Math.floor(rng() * (bytes.length + 1));
    const to = Math.min(bytes.length, at + 1 + Math.floor(rng() ** 3 * 40));
    const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
    switch (Math.floor(rng() * 6)) {
      case 0:
        bytes = Buffer.concat([before, after]);
        break;
      case 1:
        bytes = Buffer.concat([before, part, part, after]);
        break;
      case 2:
        bytes = Buffer.concat([before, Buffer.from(pick(words), 'latin1'), after]);
        break;
      case 3:
        bytes = Buffer.concat([before, Buffer.from([Math.floor(rng() * 256)]), part.subarray(1), after]);
        break;
      case 4: {
        const other = pick(corpus);
        bytes = Buffer.concat([before, other.subarray(Math.floor(rng() * other.length))]);
        break;
      }
      default:
        bytes = Buffer.concat([before, Buffer.from(pick(words), 'latin1'), part, after]);
    }
  }
  return bytes.subarray(0, LONGEST);
}

/** The same bytes in pieces that end anywhere. */
export function pieces(bytes: Buffer, rng: Rng): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + Math.floor(rng() ** 4 * 200);
    // A copy: who keeps a piece must not see the next.
    all.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return all;
}
