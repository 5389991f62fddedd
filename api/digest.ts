import { createHash, hash } from 'node:crypto';
import { digestInPieces } from './digest-pieces.ts';

/**
 * `sha256:…` over the canonical form of plain data: keys of objects sorted, absent and undefined members alike. Lists
 * count in their order; whoever makes them sorts those without one. What is digested must not change afterwards.
 *
 * An object with a long text stands in for itself by the digest of that text: a large value changes in few places from
 * one digest to the next, and only those are read again. A long list stands in for itself by its pieces.
 * @param before was digested last and is much the same: makes it quicker, and changes nothing else
 */
export function digestOf(value: unknown, before?: unknown): string {
  return `sha256:${createHash('sha256').update(canonicalText(value, before)).digest('hex')}`;
}

/** What stands in for each object, made once. */
const texts = new WeakMap<object, string>();
/** A digest is 43 characters. */
const LONG = 64;
/** Lists of this length are digested in pieces. */
const LONG_LIST = 256;

function canonicalText(value: unknown, before?: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return listText(value, Array.isArray(before) ? before : []);
  let text = texts.get(value);
  if (text === undefined) {
    const whole = objectText(value);
    // No JSON begins with #.
    text = whole.length > LONG ? `#${hash('sha256', whole, 'base64url')}` : whole;
    texts.set(value, text);
  }
  return text;
}

function listText(list: readonly unknown[], before: readonly unknown[]): string {
  if (list.length >= LONG_LIST) return digestInPieces(list, before, itemText);
  return `[${list.map((item, i) => canonicalText(item, before[i])).join(',')}]`;
}

/** Of a long list: its piece is remembered, so that the item need not be. */
function itemText(item: unknown): string {
  const isPlain = typeof item === 'object' && item !== null && !Array.isArray(item);
  return isPlain ? objectText(item) : canonicalText(item);
}

function objectText(value: object): string {
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalText(member)}`);
  return `{${members.join(',')}}`;
}
