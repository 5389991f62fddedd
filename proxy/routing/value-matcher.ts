import type { ValueMatch } from '../../api/snapshot.ts';
import { compilePattern } from './pattern.ts';

/** Does a named value (header, query parameter, cookie, JSON member) hold? `undefined`: there is none. */
export type ValueMatcher = (value: string | undefined) => boolean;

export function compileValueMatch(match: ValueMatch): ValueMatcher {
  switch (match.type) {
    case 'Exact': {
      const wanted = match.value;
      return (value) => value === wanted;
    }
    case 'RegularExpression': {
      const pattern = compilePattern(match.value);
      return (value) => value !== undefined && pattern.matches(value);
    }
    case 'Present':
      return (value) => value !== undefined;
    case 'Absent':
      return (value) => value === undefined;
  }
}

/** In the words of the resource, for `explain`. */
export function describeValue(match: ValueMatch): string {
  return 'value' in match ? `${match.type} ${JSON.stringify(match.value)}` : match.type;
}
