import { createHash, hash } from 'node:crypto';

/**
 * `sha256:…` over the canonical form of plain data: keys of objects sorted, absent and undefined members alike. Lists
 * count in their order; whoever makes them sorts those without one. What is digested must not change afterwards.
 *
 * An object with a long text stands in for itself by the digest of that text: a large value changes in few places from
 * one digest to the next, and only those are read again.
 */
export function digestOf(value: unknown): string {
  return `sha256:${createHash('sha256').update(canonicalText(value)).digest('hex')}`;
}

/** What stands in for each object, made once. */
const texts = new WeakMap<object, string>();
/** A digest is 43 characters. */
const LONG = 64;

function canonicalText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map((item) => canonicalText(item)).join(',')}]`;
  let text = texts.get(value);
  if (text === undefined) {
    const whole = objectText(value);
    // No JSON begins with #.
    text = whole.length > LONG ? `#${hash('sha256', whole, 'base64url')}` : whole;
    texts.set(value, text);
  }
  return text;
}

function objectText(value: object): string {
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalText(member)}`);
  return `{${members.join(',')}}`;
}
