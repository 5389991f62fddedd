import { hashName, isSameName, isSameValue } from './field-hash.ts';
import { STATIC, STATIC_ENTRIES } from './static-table.ts';

const SLOTS = 256;

/** Index of the first entry with a name, by the name's hash; 0: none. */
const firstByHash = new Uint8Array(SLOTS);

build();

function build(): void {
  const { bytes, at } = STATIC;
  for (let i = 1; i <= STATIC_ENTRIES; i++) {
    const start = at[i * 3]!;
    const end = start + at[i * 3 + 1]!;
    if (staticName(bytes, start, end) !== 0) continue;
    let slot = hashName(bytes, start, end) & (SLOTS - 1);
    while (firstByHash[slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
    firstByHash[slot] = i;
  }
}

/** The index of the first entry of the static table with this name, in any case; 0: there is none. */
export function staticName(
  bytes: Buffer,
  start: number,
  end: number,
  hash = hashName(bytes, start, end),
): number {
  let slot = hash & (SLOTS - 1);
  for (; firstByHash[slot] !== 0; slot = (slot + 1) & (SLOTS - 1)) {
    const i = firstByHash[slot]!;
    const isName =
      STATIC.at[i * 3 + 1] === end - start && isSameName(bytes, start, end, STATIC.bytes, STATIC.at[i * 3]!);
    if (isName) return i;
  }
  return 0;
}

/** The index of the entry with the name of entry `first` and this value; 0: there is none. */
export function staticField(first: number, bytes: Buffer, start: number, end: number): number {
  const { bytes: known, at } = STATIC;
  const nameLength = at[first * 3 + 1]!;
  const nameStart = at[first * 3]!;
  for (let i = first; i <= STATIC_ENTRIES; i++) {
    const valueLength = at[i * 3 + 2]!;
    // Entries with one name follow each other, and only names with values have several.
    if (valueLength === 0 || at[i * 3 + 1] !== nameLength) return 0;
    if (!isSameValue(known, nameStart, nameStart + nameLength, known, at[i * 3]!)) return 0;
    const valueStart = at[i * 3]! + nameLength + 2;
    if (valueLength === end - start && isSameValue(bytes, start, end, known, valueStart)) return i;
  }
  return 0;
}
