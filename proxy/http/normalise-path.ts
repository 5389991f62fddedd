import { isUtf8 } from 'node:buffer';
import type { Fault } from './h1/fault.ts';

/** Letters, digits and `-._~`: escaped or not, they mean the same (RFC 3986 section 2.3). */
const UNRESERVED = /[A-Za-z0-9\-._~]/;
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
/** A control character, `/` or `\` in disguise: servers differ in what they make of it. */
const REFUSED_ESCAPE = /%(?:[01][0-9a-f]|7f|2f|5c)/i;
const DOTS_WITH_PARAMETER = /\/\.\.?;/;

/**
 * The one form of a path that is matched and forwarded. `path` starts with `/` and holds only bytes that the parser
 * lets into a path. Escapes are resolved once, where they change nothing (`%61` is `a`, `%2e` is `.`), and are upper
 * case where they stay; `.` and `..` segments are resolved; `//` is `/`. Refused are escapes that are none, or hide
 * a separator or a control character, or are not UTF-8 (overlong forms), dot segments with a parameter (`/..;/`),
 * which some servers take for `..`, and paths that climb above the root.
 *
 * Answers the path, or in `fault` why not. test/unit/proxy/http/fixtures/paths.json is the whole decision table.
 */
export function normalisePath(path: string): { readonly path: string } | { readonly fault: Fault } {
  let plain = path;
  if (path.includes('%')) {
    if (BAD_ESCAPE.test(path) || REFUSED_ESCAPE.test(path) || !isUtf8(decodeBytes(path))) {
      return { fault: 'path_escape' };
    }
    plain = path.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
      const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
      return UNRESERVED.test(character) ? character : escape.toUpperCase();
    });
  }
  if (DOTS_WITH_PARAMETER.test(plain)) return { fault: 'path_dots' };
  return resolveSegments(plain);
}

function resolveSegments(path: string): { readonly path: string } | { readonly fault: Fault } {
  const kept: string[] = [];
  const segments = path.split('/');
  for (const segment of segments) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') kept.push(segment);
    else if (kept.pop() === undefined) return { fault: 'path_dots' };
  }
  const last = segments.at(-1)!;
  const isFolder = kept.length > 0 && (last === '' || last === '.' || last === '..');
  return { path: `/${kept.join('/')}${isFolder ? '/' : ''}` };
}

function decodeBytes(path: string): Buffer {
  return Buffer.from(
    path.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}
