import { RE2JSSyntaxException } from 're2js';
import { describe, expect, it } from 'vitest';
import { compilePattern, compilePatternSet } from '../../../../proxy/routing/pattern.ts';

describe('a regular expression', () => {
  it.each([
    ['/a/[0-9]+', '/a/12', true],
    ['/a/[0-9]+', '/a/12/', false],
    ['/a/[0-9]+', 'x/a/12', false],
    ['/a|/b', '/b', true],
    ['/a|/b', '/bc', false],
    ['(?i)/abc', '/ABC', true],
    ['a.c', 'a\nc', false],
    ['\\d+', '١', false],
    ['', '', true],
    ['', 'a', false],
    ['é+', 'éé', true],
    ['a.c', 'a😀c', true],
  ])('%s and %j: %s', (expression, text, expected) => {
    expect(compilePattern(expression).matches(text)).toBe(expected);
    expect(compilePatternSet(['x', expression]).matching(text)).toEqual(expected ? [1] : []);
  });

  it.each(['(', 'a**', '(?=a)b', '(a)\\1', 'a{1001}', '(?<!a)b'])(
    'refuses %s, which RE2 has not',
    (expression) => {
      expect(() => compilePattern(expression)).toThrow(RE2JSSyntaxException);
    },
  );

  // J06: a backtracking engine needs longer than the universe has been for each of these
  it.each([
    ['(a+)+b', 'a'.repeat(8_000)],
    ['(a|a)*b', 'a'.repeat(8_000)],
    ['(a|aa)+$b', 'a'.repeat(8_000)],
    ['(.*)*(.*)*(.*)*x', 'y'.repeat(8_000)],
    ['([a-z]+)*[0-9]', 'z'.repeat(8_000)],
    ['(a{0,30}){0,30}b', 'a'.repeat(2_000)],
  ])('%s takes linear time', (expression, text) => {
    const pattern = compilePattern(expression);
    const set = compilePatternSet([expression, 'c+', expression]);
    const started = performance.now();
    expect(pattern.matches(text)).toBe(false);
    expect(set.matching(text)).toEqual([]);
    // Backtracking would take longer than the universe has; the bound is for a machine that is busy.
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
