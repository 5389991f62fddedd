/**
 * For long immutable lists of which the next version is nearly the same. Comparing and copying them costs little as
 * long as no member is read: a member is 8 bytes here, and a line of memory elsewhere.
 */

/**
 * How many members two lists share, one after the other, from these places on.
 * @param most further is not looked
 */
export function runLength(
  a: readonly unknown[],
  i: number,
  b: readonly unknown[],
  j: number,
  most = Infinity,
): number {
  const end = Math.min(a.length - i, b.length - j, most);
  let length = 0;
  // `===` reads both objects to see that they are some; of what is the same, `Object.is` reads neither.
  while (length < end && Object.is(a[i + length], b[j + length])) length += 1;
  return length;
}

/** How many lists are joined at once: each is an argument of a call. */
const AT_ONCE = 1_024;

/** `flat`, by copying whole runs. */
export function joinRuns<T>(runs: readonly (readonly T[])[]): T[] {
  let joined: T[] = [];
  for (let from = 0; from < runs.length; from += AT_ONCE)
    joined = joined.concat(...runs.slice(from, from + AT_ONCE));
  return joined;
}
