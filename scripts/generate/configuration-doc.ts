/** docs/configuration.md: every field of the resource, from the CRD's own schema. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { banner, table } from './markdown.ts';

interface Schema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly anyOf?: readonly Schema[];
  readonly 'x-kubernetes-validations'?: readonly { readonly message?: string }[];
}

export async function configurationDoc(crdPath: string): Promise<string> {
  const crd = parse(await readFile(crdPath, 'utf8')) as {
    spec: { versions: [{ schema: { openAPIV3Schema: Schema } }] };
  };
  const { spec, status } = crd.spec.versions[0].schema.openAPIV3Schema.properties ?? {};
  const seen = new Set<string>();
  const sections = (root: Schema | undefined, path: string): string =>
    objectsOf(root ?? {}, path, seen)
      .map(({ at, schema }) => section(at, schema))
      .join('\n');
  return `${banner(crdPath)}
# Configuration

Every field of a \`LoadBalancerPool\` (\`evenkeel.dev/v1alpha1\`). A field that the API server fills in shows its default; one without a default is off when it is absent.
A duration is written as \`30s\`, \`1m30s\` or \`250ms\`, a size as \`10Mi\` or a number of bytes.
\`evenkeel validate\` checks a file against all of this, offline.

${sections(spec, 'spec')}
# Status

What the controller writes, and a standalone process shows.

${sections(status, 'status')}`;
}

interface Found {
  readonly at: string;
  readonly schema: Schema;
}

/** The objects below a path, each title once, in the order in which a reader meets them. */
function objectsOf(schema: Schema, path: string, seen: Set<string>): Found[] {
  if (schema.items !== undefined) return objectsOf(schema.items, `${path}[]`, seen);
  if (schema.properties === undefined || seen.has(schema.title ?? path)) return [];
  seen.add(schema.title ?? path);
  const below = Object.entries(schema.properties).flatMap(([name, child]) =>
    objectsOf(child, `${path}.${name}`, seen),
  );
  return [{ at: path, schema }, ...below];
}

function section(path: string, schema: Schema): string {
  const rules = (schema['x-kubernetes-validations'] ?? []).flatMap(({ message }) => message ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => [
    `\`${name}\``,
    typeOf(field),
    field.default === undefined
      ? isRequired(schema, name)
        ? 'required'
        : ''
      : `\`${JSON.stringify(field.default)}\``,
    [field.description ?? '', ...rulesOf(field)].join(' '),
  ]);
  const heading = `## ${schema.title ?? path}\n\nAt \`${path}\`. ${schema.description ?? ''}\n\n`;
  const list = rules.length === 0 ? '' : `\n${rules.map((rule) => `- ${rule}\n`).join('')}`;
  return `${heading}${table(['field', 'type', 'default', 'means'], rows)}${list}`;
}

/** Of a plain value; those of an object stand in its own section. */
function rulesOf(field: Schema): string[] {
  if (field.properties !== undefined) return [];
  return (field['x-kubernetes-validations'] ?? []).flatMap(({ message }) =>
    message === undefined ? [] : [`(${message})`],
  );
}

function isRequired(parent: Schema, name: string): boolean {
  return (parent.required ?? []).includes(name);
}

function typeOf(schema: Schema): string {
  if (schema.items !== undefined) {
    const most = schema.maxItems === undefined ? '' : `, at most ${schema.maxItems}`;
    return `list of ${typeOf(schema.items)}${most}`;
  }
  if (schema.properties !== undefined && schema.title !== undefined) {
    return `[${schema.title}](#${schema.title.toLowerCase()})`;
  }
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ');
  const { type = 'any', minimum, maximum } = schema;
  if (minimum === undefined || maximum === undefined) return type;
  return `${type} ${minimum}–${maximum}`;
}
