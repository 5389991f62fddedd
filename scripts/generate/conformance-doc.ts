/** docs/conformance.md: the rows of test/catalogue.yaml, and the tests that name them. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { namedTests, rowsIn, type NamedTest } from '../conformance/named-tests.ts';
import { banner, table } from './markdown.ts';

interface Section {
  readonly title: string;
  /** `what comes in; what has to come of it`, by ID. */
  readonly rows: Readonly<Record<string, string>>;
}

export function conformanceDoc(): string {
  const sections = parse(readFileSync('test/catalogue.yaml', 'utf8')) as Readonly<Record<string, Section>>;
  const tests = testsByRow();
  const known = Object.values(sections).flatMap(({ rows }) => Object.keys(rows));
  const unknown = [...tests.keys()].filter((row) => !known.includes(row));
  if (unknown.length > 0)
    throw new Error(`tests name rows that test/catalogue.yaml lacks: ${unknown.join()}`);
  const missing = known.filter((row) => !tests.has(row));
  return `${banner('test/catalogue.yaml and the comments in the tests')}
# Conformance

What Evenkeel does with odd and hostile input and with faults, row by row, and the tests that show it.
A test names its rows in a comment; \`%s\` and \`$name\` in its name stand for the entries of its table.
\`unit\`, \`golden\`, \`feature\` and \`kube\` run in \`make test\`, \`e2e\` in \`make e2e\`, \`soak\` in \`make soak\`.

${known.length - missing.length} of ${known.length} rows have a test.${missing.length === 0 ? '' : ` Without one: ${missing.join(', ')}.`}

${Object.entries(sections)
  .map(([letter, section]) => sectionText(letter, section, tests))
  .join('\n')}`;
}

function sectionText(
  letter: string,
  { title, rows }: Section,
  tests: ReadonlyMap<string, readonly NamedTest[]>,
): string {
  const lines = Object.entries(rows).map(([id, text]) => {
    const split = text.indexOf('; ');
    return [id, text.slice(0, split), text.slice(split + 2), shown(tests.get(id) ?? [])];
  });
  return `## ${letter}. ${title}\n\n${table(['row', 'what comes', 'what becomes of it', 'tests'], lines)}`;
}

function shown(tests: readonly NamedTest[]): string {
  if (tests.length === 0) return '**none yet**';
  const byFile = Map.groupBy(tests, ({ file }) => file);
  return [...byFile]
    .map(
      ([file, ofFile]) =>
        `[${file.replace(/^test\/|\.test\.ts$/g, '')}](../${file}): ${ofFile.map(({ name }) => name).join('; ')}`,
    )
    .join('<br>');
}

function testsByRow(): Map<string, NamedTest[]> {
  const all = new Map<string, NamedTest[]>();
  for (const file of globSync('test/**/*.test.ts').toSorted()) {
    const source = readFileSync(file, 'utf8');
    const found = namedTests(file, source, (name) => tableRows(name, file, source));
    for (const [row, tests] of found) all.set(row, [...(all.get(row) ?? []), ...tests]);
  }
  return all;
}

/** IDs in the file that a table comes from, perhaps by way of a constant of the test's own. */
function tableRows(name: string, file: string, source: string): string[] {
  const made = new RegExp(`const ${name}\\b[^=]*= (\\w+)`).exec(source)?.[1];
  const from = importedFrom(name, source) ?? (made === undefined ? undefined : importedFrom(made, source));
  const text = from === undefined ? source : readFileSync(join(dirname(file), from), 'utf8');
  return [...text.matchAll(/'([A-K]\d\d)'/g)].flatMap(([, id]) => rowsIn(id!));
}

function importedFrom(name: string, source: string): string | undefined {
  return new RegExp(`import [^;]*\\b${name}\\b[^;]* from '(\\.[^']+)'`).exec(source)?.[1];
}
