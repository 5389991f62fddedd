import { createHash } from 'node:crypto';

/**
 * `sha256:…` over the canonical form of plain data: keys of objects sorted, absent and undefined members alike. Lists
 * count in their order; whoever makes them sorts those without one. What is digested must not change afterwards.
 */
export function digestOf(value: unknown): string {
  return `sha256:${createHash('sha256').update(canonicalJson(value)).digest('hex')}`;
}

/** A large value changes in few places from one digest to the next: the text of each object is made once. */
const texts = new WeakMap<object, string>();

function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`;
  let text = texts.get(value);
  if (text === undefined) texts.set(value, (text = objectText(value)));
  return text;
}

function objectText(value: object): string {
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
