import { RE2JS } from 're2js';

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
