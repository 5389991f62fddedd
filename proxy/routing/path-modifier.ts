import type { PathMatch, PathModifier } from '../../api/snapshot.ts';

/**
 * The path after a rewrite or redirect. `match` is the path condition of the rule that took the request:
 * ReplacePrefixMatch replaces the segments that it matched (the whole path for Exact and RegularExpression), as the
 * Gateway API's table for HTTPPathModifier says: a trailing slash on either side makes no double or missing slash.
 */
export function modifyPath(modifier: PathModifier, match: PathMatch, path: string): string {
  if (modifier.type === 'ReplaceFullPath') return withRoot(modifier.value);
  const rest = match.type === 'PathPrefix' ? path.slice(match.value === '/' ? 0 : match.value.length) : '';
  if (rest === '') return withRoot(modifier.value);
  return withRoot(modifier.value.endsWith('/') ? modifier.value.slice(0, -1) + rest : modifier.value + rest);
}

function withRoot(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}
