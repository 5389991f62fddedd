import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { RequestHead } from '../../../../proxy/http/h1/request-head.ts';
import { normalisePath } from '../../../../proxy/http/normalise-path.ts';
import table from './fixtures/paths.json' with { type: 'json' };

function parsed(path: string): object {
  const bytes = Buffer.from(`GET ${path}?q=/../x HTTP/1.1\r\nHost: a\r\n\r\n`, 'latin1');
  const head = new RequestHead();
  if (head.parse(bytes, 0, bytes.length) <= 0) return { fault: head.fault };
  expect(head.target).toBe(`${head.path}?q=/../x`);
  return { path: head.path };
}

// B07, B08
describe('the path of a request', () => {
  it.each(table.rows)('is for $in: $path $fault', ({ in: path, ...outcome }) => {
    expect(parsed(path)).toEqual(outcome);
  });

  const piece = fc.constantFrom(
    '/',
    '.',
    '..',
    '%2e',
    '%2E',
    '%41',
    '%7e',
    '%20',
    '%25',
    '2e',
    'a',
    ';',
    '%c3%a9',
    '%C3%89',
  );
  const path = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);

  it('has one form: normalising it again changes nothing', () => {
    fc.assert(
      fc.property(path, (input) => {
        const once = normalisePath(input);
        expect('path' in once ? normalisePath(once.path) : once).toEqual(once);
      }),
      { seed: 7, numRuns: 2_000 },
    );
  });

  it('has neither empty nor dot segments', () => {
    fc.assert(
      fc.property(path, (input) => {
        expect(JSON.stringify(normalisePath(input))).not.toMatch(/\/\/|\/\.{1,2}(?:\/|"|;)/);
      }),
      { seed: 7, numRuns: 2_000 },
    );
  });

  it('means to a server what it meant before', () => {
    // An empty segment counts as a folder for `..` in a URL, and as none here.
    const withoutEmpty = path.filter((input) => !input.includes('//') && 'path' in normalisePath(input));
    const segments = (text: string) => new URL(`http://a${text}`).pathname.split('/').map(decodeURIComponent);
    fc.assert(
      fc.property(withoutEmpty, (input) => {
        expect(segments((normalisePath(input) as { path: string }).path)).toEqual(segments(input));
      }),
      { seed: 7, numRuns: 1_000 },
    );
  });
});
