import { hash } from 'node:crypto';
import { runLength } from './runs.ts';

/**
 * Where a long list falls into pieces is up to its items alone: a piece ends with an item whose text has a certain
 * hash. So an item that comes, goes or changes makes one piece different, or splits or joins two, and the others are
 * found as they were, wherever they are now.
 */
interface Pieces {
  /** Where each ends, in the list. */
  readonly ends: readonly number[];
  readonly digests: readonly string[];
}

/** Of lists that were digested, until the next one that is much the same is. */
const known = new WeakMap<readonly unknown[], Pieces>();
const NONE: Pieces = { ends: [], digests: [] };

/** One item of so many ends a piece; a power of two. */
const PIECE = 16;
/** How many pieces may be gone at one place and the next is still found. */
const LOOK_AHEAD = 16;

/**
 * The canonical text of a list, by the digests of its pieces.
 * @param before was digested last and is much the same: pieces of the same objects are not read
 */
export function digestInPieces(
  list: readonly unknown[],
  before: readonly unknown[],
  textOf: (item: unknown) => string,
): string {
  const old = known.get(before) ?? NONE;
  const ends: number[] = [];
  const digests: string[] = [];
  let from = 0;
  let next = 0;
  while (from < list.length) {
    const found = pieceAt(list, from, { before, ends: old.ends, next });
    if (found === undefined) {
      const texts = textsOfPiece(list, from, textOf);
      digests.push(hash('sha256', texts.join(','), 'base64url'));
      from += texts.length;
    } else {
      digests.push(old.digests[found]!);
      from += old.ends[found]! - startOf(old.ends, found);
      next = found + 1;
    }
    ends.push(from);
  }
  known.delete(before);
  known.set(list, { ends, digests });
  // No JSON begins with #, and no other stand-in with #[.
  return `#[${digests.join('')}]`;
}

/** The old piece, from `next` on, that the list goes on with. */
function pieceAt(
  list: readonly unknown[],
  from: number,
  { before, ends, next }: { before: readonly unknown[]; ends: readonly number[]; next: number },
): number | undefined {
  const last = Math.min(ends.length, next + LOOK_AHEAD);
  for (let piece = next; piece < last; piece += 1) {
    const start = startOf(ends, piece);
    if (!Object.is(before[start], list[from])) continue;
    const end = ends[piece]!;
    // The last one ends with the list, whatever its last item is.
    const isLast = piece === ends.length - 1;
    if (isLast && from + end - start !== list.length) return undefined;
    return runLength(before, start, list, from, end - start) === end - start ? piece : undefined;
  }
  return undefined;
}

function startOf(ends: readonly number[], piece: number): number {
  return piece === 0 ? 0 : ends[piece - 1]!;
}

function textsOfPiece(list: readonly unknown[], from: number, textOf: (item: unknown) => string): string[] {
  const texts: string[] = [];
  for (let i = from; i < list.length; i += 1) {
    const text = textOf(list[i]);
    texts.push(text);
    if (fnv1a(text) % PIECE === 0) break;
  }
  return texts;
}

/** FNV-1a, 32 bits, over UTF-16 code units: nobody's secret, only spread. */
function fnv1a(text: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return state >>> 0;
}
