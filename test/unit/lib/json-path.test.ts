import { describe, expect, it } from 'vitest';
import { parseSingularQuery } from '../../../lib/json-path.ts';

describe('a singular JSONPath query', () => {
  // RFC 9535 section 2.3.5.1
  it.each([
    ['$', []],
    ['$.model', ['model']],
    ['$.a.b', ['a', 'b']],
    ['$._a1', ['_a1']],
    ['$.ä☃😀', ['ä☃😀']],
    [`$['a b']["c.d"]`, ['a b', 'c.d']],
    ['$[0][-1][10]', [0, -1, 10]],
    ['$ .a\t[0]', ['a', 0]],
    [`$['it\\'s']`, [`it's`]],
    [`$["it's"]`, [`it's`]],
    [`$['say "hi"']`, ['say "hi"']],
    [`$["say \\"hi\\""]`, ['say "hi"']],
    [`$['\\\\\\n\\u00e4\\ud83d\\ude00\\/']`, ['\\\nä😀/']],
    [`$['']`, ['']],
    [`$['__proto__']`, ['__proto__']],
    ['$[9007199254740991]', [9_007_199_254_740_991]],
  ])('%s names %j', (query, steps) => {
    expect(parseSingularQuery(query)).toEqual(steps);
  });

  it.each([
    '',
    'model',
    '.model',
    ' $.a',
    '$.a ',
    '$.',
    '$.1a',
    '$.a-b',
    '$..a',
    '$.*',
    '$[*]',
    '$[0,1]',
    '$[0:1]',
    '$[?@.a]',
    '$[01]',
    '$[-0]',
    '$[+1]',
    '$[ 0 ]',
    '$[9007199254740992]',
    '$[1e3]',
    `$['a`,
    `$['a"]`,
    `$[a]`,
    `$['\\x']`,
    `$['\\"']`,
    `$["\\'"]`,
    `$['a\nb']`,
    '$.a$',
    '@.a',
  ])('%j is none', (query) => {
    expect(parseSingularQuery(query)).toBeUndefined();
  });
});
