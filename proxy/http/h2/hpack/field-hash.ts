/** Of a long value, its last bytes: that is where a date, an id or a path differs from the one before. */
const HASHED_BYTES = 24;

const SEED = 0x811c9dc5;
const PRIME = 0x01000193;

/** Each byte, a capital as the small letter that HTTP/2 wants of a name (RFC 9113 section 8.2). */
export const LOWER: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte,
);

/** FNV-1a of the name `bytes[start, end)` in lower case. */
export function hashName(bytes: Buffer, start: number, end: number): number {
  let hash = SEED;
  for (let pos = start; pos < end; pos++) hash = Math.imul(hash ^ LOWER[bytes[pos]!]!, PRIME);
  return hash ^ (hash >>> 15);
}

/** The hash of a field whose name has the hash `name`. Equal fields have equal hashes; others may have. */
export function hashField(name: number, bytes: Buffer, start: number, end: number): number {
  let hash = name ^ (end - start);
  for (let pos = Math.max(start, end - HASHED_BYTES); pos < end; pos++) {
    hash = Math.imul(hash ^ bytes[pos]!, PRIME);
  }
  return hash ^ (hash >>> 15);
}

/** Is the name `bytes[start, end)`, in any case, what is at `other[at, ..)` in lower case? */
export function isSameName(bytes: Buffer, start: number, end: number, other: Buffer, at: number): boolean {
  for (let pos = start; pos < end; pos++) if (LOWER[bytes[pos]!] !== other[at++]) return false;
  return true;
}

export function isSameValue(bytes: Buffer, start: number, end: number, other: Buffer, at: number): boolean {
  for (let pos = start; pos < end; pos++) if (bytes[pos] !== other[at++]) return false;
  return true;
}
