import type { PathMatch } from '../../api/snapshot.ts';
import { normalisePath } from '../http/normalise-path.ts';
import type { Condition } from './conditions.ts';
import { compilePattern, compilePatternSet, type PatternSet } from './pattern.ts';
import { buildRuleList, type RuleList } from './rule-list.ts';

/** A path condition by itself, slowly, as `explain` asks it; `PathIndex` finds by it without asking each. */
export function pathHolds(match: PathMatch, path: string): boolean {
  switch (match.type) {
    case 'Exact':
      return path === match.value;
    case 'PathPrefix':
      return hasPrefix(path, match.value === '/' ? '' : match.value);
    case 'RegularExpression':
      return compilePattern(match.value).matches(path);
  }
}

function hasPrefix(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && endsSegment(path, prefix.length);
}

const SLASH = 0x2f;

function endsSegment(path: string, at: number): boolean {
  return at === path.length || path.charCodeAt(at) === SLASH;
}

/**
 * A path condition in the form that request paths have (`normalisePath`), so that `/%7eme` takes `/~me`. A trailing
 * slash of a prefix says nothing: `/a/` takes what `/a` takes.
 */
export function normalisePathMatch(match: PathMatch): PathMatch {
  if (match.type === 'RegularExpression') return match;
  const normal = normalisePath(match.value);
  const value = 'path' in normal ? normal.path : match.value;
  return { type: match.type, value: match.type === 'PathPrefix' ? value.replace(/(?<=.)\/$/, '') : value };
}

interface IndexedRule {
  readonly spec: { readonly path: PathMatch };
  readonly conditions: readonly Condition[];
}

/** The rules of one hostname by path. Rules with the same path stand in the order in which they were given. */
export interface PathIndex<R> {
  readonly exact: ReadonlyMap<string, RuleList<R>> | undefined;
  /** The patterns of `rules`, by place. */
  readonly regular: { readonly patterns: PatternSet; readonly rules: readonly R[] } | undefined;
  /** The longest prefix that takes `path`; each leads to the next shorter one. */
  longestPrefix(path: string): PrefixNode<R> | undefined;
}

/** A place in a radix tree over the characters of prefixes. */
export interface PrefixNode<R> {
  /** Characters between the parent and here. */
  readonly label: string;
  readonly children: Map<number, PrefixNode<R>> | undefined;
  /** Absent: no prefix ends here. */
  readonly rules: RuleList<R> | undefined;
  /** The longest other prefix whose whole segments begin this one. */
  readonly shorter: PrefixNode<R> | undefined;
}

/** `rules` in order of precedence. */
export function buildPathIndex<R extends IndexedRule>(rules: readonly R[]): PathIndex<R> {
  const byType = (type: PathMatch['type']) => rules.filter((rule) => rule.spec.path.type === type);
  const exact = Map.groupBy(byType('Exact'), (rule) => rule.spec.path.value);
  const regular = byType('RegularExpression');
  const prefixes = Map.groupBy(byType('PathPrefix'), (rule) =>
    rule.spec.path.value === '/' ? '' : rule.spec.path.value,
  );
  const root = buildPrefixTree('', 0, [...withLists(prefixes)], undefined);
  return {
    exact: exact.size > 0 ? new Map(withLists(exact)) : undefined,
    regular:
      regular.length > 0
        ? { patterns: compilePatternSet(regular.map((rule) => rule.spec.path.value)), rules: regular }
        : undefined,
    longestPrefix: (path) => longestPrefix(root, path),
  };
}

function withLists<R extends IndexedRule>(
  groups: ReadonlyMap<string, readonly R[]>,
): Iterable<[string, RuleList<R>]> {
  return groups.entries().map(([path, rules]) => [path, buildRuleList(rules)]);
}

function longestPrefix<R>(root: PrefixNode<R>, path: string): PrefixNode<R> | undefined {
  let longest = root.rules === undefined ? undefined : root;
  let at = 0;
  let node: PrefixNode<R> | undefined = root;
  while (node.children !== undefined) {
    node = node.children.get(path.charCodeAt(at));
    if (node === undefined || !path.startsWith(node.label, at)) break;
    at += node.label.length;
    if (node.rules !== undefined && endsSegment(path, at)) longest = node;
  }
  return longest;
}

/** The tree below `prefix.slice(0, depth)`, which all of `prefixes` share. */
function buildPrefixTree<R>(
  label: string,
  depth: number,
  prefixes: readonly (readonly [string, RuleList<R>])[],
  shorter: PrefixNode<R> | undefined,
): PrefixNode<R> {
  const here = prefixes.find(([prefix]) => prefix.length === depth);
  const children = new Map<number, PrefixNode<R>>();
  const node: PrefixNode<R> = { label, children, rules: here?.[1], shorter };
  const longer = prefixes.filter(([prefix]) => prefix.length > depth);
  for (const [code, group] of Map.groupBy(longer, ([prefix]) => prefix.charCodeAt(depth))) {
    const end = sharedLength(group.map(([prefix]) => prefix));
    const childLabel = group[0]![0].slice(depth, end);
    // What ends here begins whole segments of what follows only when a segment starts next.
    const nearest = here !== undefined && code === SLASH ? node : shorter;
    children.set(code, buildPrefixTree(childLabel, end, group, nearest));
  }
  return longer.length > 0 ? node : { ...node, children: undefined };
}

function sharedLength(texts: readonly string[]): number {
  const first = texts[0]!;
  let length = Math.min(...texts.map((text) => text.length));
  for (const text of texts) {
    while (!text.startsWith(first.slice(0, length))) length -= 1;
  }
  return length;
}
