import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FORBIDDEN_HEADERS, isChangeableHeader, isFieldValue } from '../../../lib/header-rules.ts';

describe('the headers that no filter may touch', () => {
  it('are those that the CRD refuses', () => {
    const crd = readFileSync(new URL('../../../crds/loadbalancerpools.yaml', import.meta.url), 'utf8');
    const rules = [...crd.matchAll(/in \[([^\]]*)\]\)"\s+message: this header belongs to the connection/g)];
    expect(rules.length).toBeGreaterThanOrEqual(6);
    for (const [, list] of rules) {
      const names = [...list!.matchAll(/'([^']+)'/g)].map(([, name]) => name!);
      expect(new Set(names)).toEqual(FORBIDDEN_HEADERS);
    }
  });

  it.each(['Connection', 'HOST', 'te', '', 'a b', 'a:b', 'a\r\nb', 'ä'])('%j is one', (name) => {
    expect(isChangeableHeader(name)).toBe(false);
  });

  it.each(['x-a', 'Accept', 'x_a.b~'])('%j is none', (name) => {
    expect(isChangeableHeader(name)).toBe(true);
  });
});

describe('a field value', () => {
  it.each(['', 'a', 'a b\tc', '"x"; y=1', 'caf\u00e9'])('may be %j', (value) => {
    expect(isFieldValue(value)).toBe(true);
  });
  it.each([' a', 'a ', '\t', 'a\r\nb', 'a\nb', 'a\0b', 'a\u007f', '\u0100'])('may not be %j', (value) => {
    expect(isFieldValue(value)).toBe(false);
  });
});
