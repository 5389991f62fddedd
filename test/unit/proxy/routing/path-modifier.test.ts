import { describe, expect, it } from 'vitest';
import { modifyPath } from '../../../../proxy/routing/path-modifier.ts';
import { normalisePathMatch } from '../../../../proxy/routing/path-index.ts';

describe('a path modifier', () => {
  // The table of the Gateway API's HTTPPathModifier, and what it leaves out.
  it.each([
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
    ['/foo', '/foo', '/xyz', '/xyz'],
    ['/foo/', '/foo', '/xyz', '/xyz/'],
    ['/foo/bar', '/foo', '', '/bar'],
    ['/foo/', '/foo', '', '/'],
    ['/foo', '/foo', '', '/'],
    ['/foo/', '/foo', '/', '/'],
    ['/foo', '/foo', '/', '/'],
    ['/foo/bar', '/foo', '/', '/bar'],
    ['/bar', '/', '/xyz', '/xyz/bar'],
    ['/', '/', '/xyz', '/xyz/'],
    ['/bar', '/', '/', '/bar'],
  ])('%s with prefix %s replaced by %j is %s', (path, prefix, value, expected) => {
    const match = normalisePathMatch({ type: 'PathPrefix', value: prefix });
    expect(modifyPath({ type: 'ReplacePrefixMatch', value }, match, path)).toBe(expected);
  });

  it('replaces the whole path where the rule matched it whole', () => {
    const modifier = { type: 'ReplacePrefixMatch', value: '/new' } as const;
    expect(modifyPath(modifier, { type: 'Exact', value: '/a/b' }, '/a/b')).toBe('/new');
    expect(modifyPath(modifier, { type: 'RegularExpression', value: '/a.*' }, '/a/b')).toBe('/new');
  });

  it('replaces the full path', () => {
    const match = { type: 'PathPrefix', value: '/a' } as const;
    expect(modifyPath({ type: 'ReplaceFullPath', value: '/n' }, match, '/a/b')).toBe('/n');
    expect(modifyPath({ type: 'ReplaceFullPath', value: '' }, match, '/a/b')).toBe('/');
  });
});
