/** `Buffer` has had this method since Node 0.x; it spares `toString` its search for the encoding. */
interface Latin1Sliceable {
  latin1Slice(start: number, end: number): string;
}

/** The bytes `[start, end)` as text, a character each. */
export function latin1(bytes: Buffer, start: number, end: number): string {
  return (bytes as Buffer & Latin1Sliceable).latin1Slice(start, end);
}
