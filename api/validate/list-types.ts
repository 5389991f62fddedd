import { childPath, isJsonObject, propertiesOf, type FieldError, type StructuralSchema } from './schema.ts';

/** Finds what is twice in lists of type `set` and `map`. The value has passed the schema. */
export function duplicates(value: unknown, schema: StructuralSchema): FieldError[] {
  const errors: FieldError[] = [];
  search(value, schema, '', errors);
  return errors;
}

function search(value: unknown, schema: StructuralSchema, path: string, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    errors.push(...duplicatesOfList(value, schema, path));
    const { items } = schema;
    if (items === undefined) return;
    for (const [i, item] of value.entries()) search(item, items, childPath(path, i), errors);
  } else if (isJsonObject(value)) {
    const known = propertiesOf(schema);
    for (const [key, child] of Object.entries(value)) {
      const property = known.get(key);
      if (typeof child === 'object' && property !== undefined) {
        search(child, property, childPath(path, key), errors);
      }
    }
  }
}

function duplicatesOfList(list: readonly unknown[], schema: StructuralSchema, path: string): FieldError[] {
  const keys = schema['x-kubernetes-list-type'] === 'map' ? schema['x-kubernetes-list-map-keys'] : undefined;
  if (keys === undefined && schema['x-kubernetes-list-type'] !== 'set') return [];
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [i, item] of list.entries()) {
    const identity = JSON.stringify(keys === undefined ? item : listKey(item, keys));
    if (seen.has(identity)) {
      const what = keys === undefined ? String(item) : listKey(item, keys).join(', ');
      errors.push({ path: childPath(path, i), message: `${what} is there already` });
    }
    seen.add(identity);
  }
  return errors;
}

/** The values that tell an item of a list of type `map` from the others. */
function listKey(item: unknown, keys: readonly string[]): unknown[] {
  return isJsonObject(item) ? keys.map((key) => item[key]) : [];
}
