/**
 * TypeScript types of the LoadBalancerPool, from the CRD's own schema: each object's `title` names its type, and a
 * field with a default is never absent, since the API server and `api/validate` fill it in.
 */
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { compile } from 'json-schema-to-typescript';
import { parse } from 'yaml';

interface Schema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

const BANNER = '// Generated from crds/loadbalancerpools.yaml by `make generate`; edit that file instead.';

export async function poolTypes(crdPath: string): Promise<string> {
  const crd = parse(await readFile(crdPath, 'utf8')) as {
    spec: { versions: [{ schema: { openAPIV3Schema: Schema } }] };
  };
  const { spec, status } = crd.spec.versions[0].schema.openAPIV3Schema.properties ?? {};
  if (spec === undefined || status === undefined) throw new Error(`${crdPath} has no spec or no status`);
  const definitions: Record<string, object> = {};
  const root = {
    type: 'object' as const,
    title: 'PoolTypes',
    description: 'The two halves of the resource.',
    additionalProperties: false,
    required: ['spec', 'status'],
    properties: { spec: toTyped(spec, definitions), status: toTyped(status, definitions) },
    definitions,
  };
  return compile(root, 'PoolTypes', {
    bannerComment: BANNER,
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    strictIndexSignatures: true,
    style: { singleQuote: true, printWidth: 110 },
  });
}

/** The schema with only what types are made of; a titled object goes to `definitions` and is referred to. */
function toTyped(schema: Schema, definitions: Record<string, object>): object {
  const { description, type, enum: values, anyOf } = schema;
  if (anyOf !== undefined) return { description, anyOf };
  if (type === 'array') return { description, type, items: toTyped(schema.items ?? {}, definitions) };
  if (type !== 'object') return { description, type, ...(values === undefined ? {} : { enum: values }) };

  const { title } = schema;
  if (title === undefined) throw new Error(`an object has no title: ${description}`);
  const properties = Object.entries(schema.properties ?? {});
  const definition = {
    title,
    description,
    type,
    additionalProperties: false,
    required: properties.filter(([name, p]) => isAlwaysThere(schema, name, p)).map(([name]) => name),
    properties: Object.fromEntries(properties.map(([name, p]) => [name, toTyped(p, definitions)])),
  };
  const existing = definitions[title];
  if (existing !== undefined && !isDeepStrictEqual({ ...existing, description }, definition)) {
    throw new Error(`two different objects are titled ${title}`);
  }
  definitions[title] ??= definition;
  return { $ref: `#/definitions/${title}` };
}

function isAlwaysThere(parent: Schema, name: string, property: Schema): boolean {
  return property.default !== undefined || (parent.required ?? []).includes(name);
}
