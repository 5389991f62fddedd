import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPlainJson, type JsonValue, parseJson } from '../../../../proxy/routing/json-body.ts';

const parse = (text: string) => parseJson(new TextEncoder().encode(text));

describe('a JSON body', () => {
  it('keeps scalars as text, objects as maps, arrays as arrays', () => {
    expect(parse(' {"a": 1.0, "b": [true, null, "x\\u00e4", {}], "c": {"d": -1e3}, "e": []} ')).toEqual(
      new Map<string, JsonValue>([
        ['a', '1.0'],
        ['b', ['true', 'null', 'xä', new Map()]],
        ['c', new Map([['d', '-1e3']])],
        ['e', []],
      ]),
    );
  });

  it.each([
    ['"text"', 'text'],
    ['7', '7'],
    ['{"a:b":"c,d"}', new Map([['a:b', 'c,d']])],
    ['{"a\\"}":"]\\\\"}', new Map([['a"}', ']\\']])],
    ['{"__proto__":{"x":1}}', new Map([['__proto__', new Map([['x', '1']])]])],
    ['["a",{"a":["a"]}]', ['a', new Map([['a', ['a']]])]],
  ])('%s', (text, value) => {
    expect(parse(text)).toEqual(value);
  });

  it.each([
    ['nothing', ''],
    ['spaces', '  '],
    ['a trailing comma', '{"a":1,}'],
    ['a comment', '{"a":1/**/}'],
    ['single quotes', `{'a':1}`],
    ['NaN', 'NaN'],
    ['a leading zero', '01'],
    ['two values', '{} {}'],
    ['a raw control character in a string', '"a\nb"'],
    ['an end too early', '{"a":'],
    ['a byte order mark', '\ufeff{}'],
    ['a name twice', '{"a":1,"b":2,"a":3}'],
    ['a name twice, once escaped', '{"a":1,"\\u0061":2}'],
    ['a name twice deep down', '{"x":[{"y":{"a":1,"a":1}}]}'],
    ['a name twice after an object', '{"a":{"b":1},"a":2}'],
  ])('is unreadable with %s', (_, text) => {
    expect(parse(text)).toBeUndefined();
  });

  it('is unreadable when it is not UTF-8', () => {
    expect(parseJson(Uint8Array.from([0x22, 0xc0, 0xaf, 0x22]))).toBeUndefined();
    expect(parseJson(Uint8Array.from([0x22, 0xff, 0x22]))).toBeUndefined();
  });

  it('may use a name again in another object', () => {
    expect(parse('[{"a":1},{"a":2},{"b":{"a":1},"a":1}]')).toBeDefined();
  });

  it('may nest deeply', () => {
    const depth = 30_000;
    expect(parse('['.repeat(depth) + ']'.repeat(depth))).toBeDefined();
    expect(parse('{"a":'.repeat(depth / 3) + '1' + '}'.repeat(depth / 3))).toBeDefined();
  });

  it('reads what JSON.parse reads', () => {
    const plain = (value: JsonValue): unknown => {
      if (typeof value === 'string') return value;
      return value instanceof Map
        ? [...value].map(([name, member]) => [name, plain(member)])
        : (value as readonly JsonValue[]).map((element) => plain(element));
    };
    const expected = (value: unknown): unknown => {
      if (typeof value === 'string') return value;
      if (typeof value !== 'object' || value === null) return JSON.stringify(value);
      if (Array.isArray(value)) return value.map((element) => expected(element));
      return Object.entries(value).map(([name, member]) => [name, expected(member)]);
    };
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), (text) => {
        // The way through the encoder replaces lone surrogates, which no UTF-8 body can hold.
        const sent = new TextDecoder().decode(new TextEncoder().encode(text));
        const value = parse(sent);
        const entriesInOrder = (of: unknown) => JSON.stringify(of);
        const wanted = expected(JSON.parse(sent));
        expect(entriesInOrder(sortIntegerNames(plain(value!)))).toBe(
          entriesInOrder(sortIntegerNames(wanted)),
        );
      }),
      { seed: 1 },
    );
  });
});

/** JSON.parse puts names that look like integers first; order is none of our business. */
function sortIntegerNames(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const parts = value.map((part) => sortIntegerNames(part));
  const isEntry = (part: unknown) => Array.isArray(part) && part.length === 2;
  return parts.length > 0 && parts.every((part) => isEntry(part))
    ? parts.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
    : parts;
}

describe('the headers of a body', () => {
  it.each([
    ['application/json', undefined, true],
    ['Application/JSON; charset=UTF-8', undefined, true],
    ['application/json;charset="utf-8"', 'identity', true],
    ['application/problem+json', undefined, true],
    ['application/json; charset=utf-16', undefined, false],
    ['application/json', 'gzip', false],
    ['application/json', 'identity, gzip', false],
    ['application/jsonp', undefined, false],
    ['application/json, text/plain', undefined, false],
    ['text/json', undefined, false],
    ['application/x-www-form-urlencoded', undefined, false],
    [undefined, undefined, false],
    ['', undefined, false],
  ])('%s, encoded %s: %s', (type, encoding, expected) => {
    expect(isPlainJson(type, encoding)).toBe(expected);
  });
});
