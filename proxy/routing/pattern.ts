import { RE2JS, RE2Set } from 're2js';

/**
 * A regular expression of the user's: RE2 syntax and semantics, matched in linear time, always against the whole
 * text. `.` takes no newline, case matters, unless the expression's own flags (`(?i)`) say otherwise.
 */
export interface Pattern {
  matches(text: string): boolean;
}

/** Throws on what RE2 refuses; validation has done so before a snapshot is made. */
export function compilePattern(expression: string): Pattern {
  const compiled = RE2JS.compile(expression);
  return { matches: (text) => compiled.testExact(text) };
}

/** Bounds the states that one set keeps between texts; beyond it they are worked out again. */
const MAX_SET_BYTES = 4_194_304;

/** Many patterns asked in one pass over the text, however many they are. */
export interface PatternSet {
  /** Places of those that match, ascending. */
  matching(text: string): readonly number[];
}

export function compilePatternSet(expressions: readonly string[]): PatternSet {
  const set = new RE2Set(RE2Set.ANCHOR_BOTH, 0, MAX_SET_BYTES);
  for (const expression of expressions) set.add(expression);
  set.compile();
  return { matching: (text) => set.match(text) };
}
