import { describe, expect, it } from 'vitest';
import { namedTests } from '../../../scripts/conformance/named-tests.ts';

const SOURCE = `
import { ODD } from './odd.ts';

/** The settings with which the catalogue states its times (H02). */
const SETTINGS = {};

// D08
describe.each(['a', 'b'])('a picker %s', () => {
  it('keeps shares', () => {});

  // D09: and nothing else
  // (measured elsewhere)
  it.each([1, 2])(
    'moves few keys, %i',
    () => {},
  );

  it('is fair', () => {
    // CATALOGUE D01-D03, R5
    expect(1).toBe(1);
  });

  it.each(ODD)('$id $what', () => {});
});
`;

describe('namedTests', () => {
  const tests = namedTests('x.test.ts', SOURCE, (table) => (table === 'ODD' ? ['A01', 'A02'] : []));
  const nameOf = (row: string): (string | undefined)[] | undefined => tests.get(row)?.map(({ name }) => name);

  it('gives a comment to the test behind it, else to the one around it', () => {
    expect(nameOf('D08')).toEqual(['a picker %s']);
    expect(nameOf('D09')).toEqual(['a picker %s › moves few keys, %i']);
    for (const row of ['D01', 'D02', 'D03']) expect(nameOf(row)).toEqual(['a picker %s › is fair']);
  });

  it('takes rows from the table of a test that is named by its rows', () => {
    expect(nameOf('A01')).toEqual(['a picker %s › A01 $what']);
    expect(nameOf('A02')).toEqual(['a picker %s › A02 $what']);
  });

  it('takes nothing from comments on anything else', () => {
    expect([...tests.keys()].toSorted()).toEqual(['A01', 'A02', 'D01', 'D02', 'D03', 'D08', 'D09']);
  });
});
