import type { HeaderChanges } from '../../api/snapshot.ts';
import { isChangeableHeader, isFieldValue } from '../../lib/header-rules.ts';

/** Changes to a header section, ready for a serializer: leave out `removes`, then append the rest. */
export interface HeaderEdit {
  /** Lower case. Also what is set, which replaces what came. */
  readonly removes: ReadonlySet<string>;
  /** `name: value\r\n` for each header to append, for HTTP/1.1. */
  readonly lines: string;
  /** The same as lower-case names and values, for HTTP/2. */
  readonly pairs: readonly (readonly [name: string, value: string])[];
}

/**
 * One edit that does what all of `changes` do one after the other; within one: remove, set, add. Undefined when that
 * is nothing. Headers that may not be changed are refused by validation and are left alone here.
 */
export function compileHeaderEdit(changes: readonly HeaderChanges[]): HeaderEdit | undefined {
  const removes = new Set<string>();
  let pairs: (readonly [string, string])[] = [];
  const remove = (name: string) => {
    removes.add(name);
    pairs = pairs.filter(([other]) => other !== name);
  };
  for (const change of changes) {
    for (const name of change.remove) {
      if (isChangeableHeader(name)) remove(name.toLowerCase());
    }
    for (const { name, value } of change.set.filter(isSafe)) {
      remove(name.toLowerCase());
      pairs.push([name.toLowerCase(), value]);
    }
    for (const { name, value } of change.add.filter(isSafe)) pairs.push([name.toLowerCase(), value]);
  }
  if (removes.size === 0 && pairs.length === 0) return undefined;
  return { removes, lines: pairs.map(([name, value]) => `${name}: ${value}\r\n`).join(''), pairs };
}

function isSafe({ name, value }: { readonly name: string; readonly value: string }): boolean {
  return isChangeableHeader(name) && isFieldValue(value);
}
