import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

const CRD = parse(readFileSync('crds/loadbalancerpools.yaml', 'utf8')) as {
  spec: { versions: { schema: { openAPIV3Schema: Schema } }[] };
};

/** `kubectl explain` has nothing else to print. */
describe('the fields of a pool', () => {
  const { spec, status } = CRD.spec.versions[0]!.schema.openAPIV3Schema.properties!;
  const fields = [...fieldsOf(spec!, 'spec'), ...fieldsOf(status!, 'status')];

  it('are each described in sentences', () => {
    expect(fields.length).toBeGreaterThan(200);
    const poor = fields.filter(([, { description }]) => !/^[A-Z].{6,}\.$/s.test(description ?? ''));
    expect(poor).toEqual([]);
  });

  it('are not described by their name alone', () => {
    const letters = (text = ''): string => text.toLowerCase().replaceAll(/[^a-z]/g, '');
    const echoes = fields.filter(([path, { description }]) =>
      [path.split('.').at(-1), path].some((name) =>
        [letters(name), `the${letters(name)}`].includes(letters(description)),
      ),
    );
    expect(echoes.map(([path]) => path)).toEqual([]);
  });
});

function fieldsOf(schema: Schema, path: string): [string, Schema][] {
  const below = Object.entries(schema.properties ?? schema.items?.properties ?? {});
  return [[path, schema], ...below.flatMap(([name, child]) => fieldsOf(child, `${path}.${name}`))];
}
