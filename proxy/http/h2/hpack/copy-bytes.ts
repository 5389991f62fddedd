/** Below this a loop is cheaper than a call that leaves JavaScript. */
const LOOP_BYTES = 48;

/** Copies `from[start, end)` to `to[at, ..)`, which has room for it. Answers the position behind it. */
export function copyBytes(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  if (end - start > LOOP_BYTES) return at + from.copy(to, at, start, end);
  for (let pos = start; pos < end; pos++) to[at++] = from[pos]!;
  return at;
}
