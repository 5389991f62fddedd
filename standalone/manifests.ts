import {
  LineCounter,
  isCollection,
  isMap,
  isNode,
  isSeq,
  parseAllDocuments,
  type Document,
  type Node,
  type YAMLSeq,
} from 'yaml';

/** Something to say about a file, at a place in it. */
export interface Diagnostic {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly column: number;
  /** Field path in the object, e.g. `spec.listeners[0].port`; absent when the text itself is at fault. */
  readonly path?: string;
  readonly message: string;
}

/** `shop.yaml:12:9: spec.listeners[0].port: must be at most 65535` */
export function diagnosticLine({ file, line, column, path, message }: Diagnostic): string {
  const where = `${file}:${line}:${column}:`;
  return path === undefined || path === '' ? `${where} ${message}` : `${where} ${path}: ${message}`;
}

/** An object as it stood in a file. */
export interface Manifest {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** The plain object, defaults not filled in. */
  readonly object: Readonly<Record<string, unknown>>;
  /** Where a field path stands; the nearest parent that is there, when the field itself is absent. */
  locate(path: string): { readonly line: number; readonly column: number };
}

const KINDS: ReadonlyMap<string, string> = new Map([
  ['LoadBalancerPool', 'evenkeel.dev/v1alpha1'],
  ['Service', 'v1'],
  ['EndpointSlice', 'discovery.k8s.io/v1'],
  ['Secret', 'v1'],
  ['ConfigMap', 'v1'],
]);

/**
 * Reads one YAML file of Kubernetes objects, several documents and `kind: List` included. Nothing is thrown and
 * nothing is dropped silently: what cannot be used is in `diagnostics`. An object without a namespace is in
 * `default`. Aliases are bounded by the YAML library, duplicate keys are errors.
 */
export function parseManifests(
  file: string,
  text: string,
): { readonly manifests: readonly Manifest[]; readonly diagnostics: readonly Diagnostic[] } {
  const lines = new LineCounter();
  const manifests: Manifest[] = [];
  const diagnostics: Diagnostic[] = [];
  const at = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };

  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true, logLevel: 'error' });
  for (const document of Array.isArray(documents) ? documents : []) {
    const [broken] = document.errors;
    if (broken !== undefined) {
      diagnostics.push({ file, ...at(broken.pos[0]), message: firstLine(broken.message) });
      continue;
    }
    const objects = objectsOf(document);
    if (typeof objects === 'string') {
      diagnostics.push({ file, ...at(document.contents?.range?.[0] ?? 0), message: objects });
      continue;
    }
    for (const { value, prefix } of objects) {
      if (value === null) continue;
      const locate = (path: string) => at(offsetOf(document, [...prefix, ...fieldsOf(path)]));
      const problem = problemOf(value);
      if (problem !== undefined) {
        diagnostics.push({
          file,
          ...locate(problem.path),
          path: problem.path,
          message: firstLine(problem.message),
        });
        continue;
      }
      const object = value as Record<string, unknown>;
      const metadata = object['metadata'] as Record<string, unknown>;
      manifests.push({
        file,
        apiVersion: String(object['apiVersion']),
        kind: String(object['kind']),
        namespace: typeof metadata['namespace'] === 'string' ? metadata['namespace'] : 'default',
        name: String(metadata['name']),
        object,
        locate,
      });
    }
  }
  return { manifests, diagnostics };
}

/** `spec.listeners[0].tls` → `['spec', 'listeners', 0, 'tls']`; a key in brackets and quotes may hold anything. */
export function fieldsOf(path: string): (string | number)[] {
  const fields: (string | number)[] = [];
  for (const match of path.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)) {
    fields.push(match[1] === undefined ? (match[2] ?? match[3] ?? '') : Number(match[1]));
  }
  return fields;
}

/** A text: why there are none. Aliases that lead nowhere, or to too much, show only here. */
function objectsOf(document: Document): { value: unknown; prefix: (string | number)[] }[] | string {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return firstLine(error instanceof Error ? error.message : String(error));
  }
  if (isRecord(value) && value['kind'] === 'List' && Array.isArray(value['items'])) {
    return value['items'].map((item: unknown, index) => ({ value: item, prefix: ['items', index] }));
  }
  return [{ value, prefix: [] }];
}

function problemOf(value: unknown): { path: string; message: string } | undefined {
  if (!isRecord(value)) return { path: '', message: 'not a Kubernetes object' };
  const { apiVersion, kind, metadata } = value;
  if (typeof kind !== 'string') return { path: 'kind', message: 'kind is missing' };
  const wanted = KINDS.get(kind);
  if (wanted === undefined) {
    return {
      path: 'kind',
      message: `${kind} objects are not read here; use ${[...KINDS.keys()].join(', ')}`,
    };
  }
  if (apiVersion !== wanted) {
    return { path: 'apiVersion', message: `apiVersion of a ${kind} is ${wanted}, not ${String(apiVersion)}` };
  }
  if (!isRecord(metadata) || typeof metadata['name'] !== 'string' || metadata['name'] === '') {
    return { path: 'metadata.name', message: 'metadata.name is missing' };
  }
  return undefined;
}

function offsetOf(document: Document, fields: readonly (string | number)[]): number {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const field of fields) {
    if (!isCollection(node)) break;
    const next: unknown = isSeq(node) ? itemOf(node, field) : node.get(field, true);
    if (!isNode(next)) break;
    node = next;
    offset = next.range?.[0] ?? offset;
  }
  return offset;
}

/** An item of a list, by its place or by its name. */
function itemOf(list: YAMLSeq, field: string | number): unknown {
  if (typeof field === 'number') return list.get(field, true);
  return list.items.find((item) => isMap(item) && item.get('name') === field);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
