import { childPath, isJsonObject, type FieldError, type StructuralSchema } from './schema.ts';

/** Finds what is twice in lists of type `set` and `map`. The value has passed the schema. */
export function duplicates(value: unknown, schema: StructuralSchema, path = ''): FieldError[] {
  if (Array.isArray(value)) {
    const errors = duplicatesOfList(value, schema, path);
    const { items } = schema;
    if (items === undefined) return errors;
    return [...errors, ...value.flatMap((item, i) => duplicates(item, items, childPath(path, i)))];
  }
  if (!isJsonObject(value)) return [];
  const known = new Map(Object.entries(schema.properties ?? {}));
  return Object.entries(value).flatMap(([key, child]) => {
    const property = known.get(key);
    return property === undefined ? [] : duplicates(child, property, childPath(path, key));
  });
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
export function listKey(item: unknown, keys: readonly string[]): unknown[] {
  return isJsonObject(item) ? keys.map((key) => item[key]) : [];
}
