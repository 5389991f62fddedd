/**
 * What an absent member of a union stands for: a UDP listener without `udp`, an HTTP check without `http`. The schema
 * cannot fill these in, since the member is allowed only with its type; resolve does, from the same schema.
 */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { withDefaults } from '../../api/validate/defaults.ts';
import type { StructuralSchema } from '../../api/validate/schema.ts';

const MEMBERS = ['UDPSessions', 'AffinityCookie', 'HTTPCheck', 'GRPCCheck', 'RequestRedirect'];

export async function unionDefaults(crdPath: string): Promise<string> {
  const crd = parse(await readFile(crdPath, 'utf8')) as {
    spec: { versions: [{ schema: { openAPIV3Schema: StructuralSchema } }] };
  };
  const root = crd.spec.versions[0].schema.openAPIV3Schema;
  const entries = MEMBERS.map((title) => [title, withDefaults({}, find(root, title))]);
  const types = MEMBERS.map((title) => `  readonly ${title}: ${title};\n`).join('');
  return `// Generated from crds/loadbalancerpools.yaml by \`make generate\`; edit that file instead.
import type { ${MEMBERS.join(', ')} } from './pool.gen.ts';

/** What an absent member of a union stands for, where its type calls for it. */
export const UNION_DEFAULTS: {
${types}} = ${JSON.stringify(Object.fromEntries(entries), undefined, 2)};
`;
}

function find(schema: StructuralSchema, title: string): StructuralSchema {
  const found = search(schema, title);
  if (found === undefined) throw new Error(`the CRD has no object titled ${title}`);
  return found;
}

function search(schema: StructuralSchema, title: string): StructuralSchema | undefined {
  if (schema.title === title) return schema;
  for (const child of [...Object.values(schema.properties ?? {}), ...(schema.items ? [schema.items] : [])]) {
    const found = search(child, title);
    if (found !== undefined) return found;
  }
  return undefined;
}
