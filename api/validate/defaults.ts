import { isJsonObject, propertiesOf, type StructuralSchema } from './schema.ts';

/**
 * A copy of `value` with the schema's defaults, as the API server fills them in: a null that the schema does not
 * allow counts as absent; a default is applied where a field is absent, and then its own fields are defaulted.
 */
export function withDefaults(value: unknown, schema: StructuralSchema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? structuredClone(value) : value.map((item) => withDefaults(item, items));
  }
  if (!isJsonObject(value)) return value;

  if (schema.properties === undefined) return structuredClone(value);
  const known = propertiesOf(schema);
  const result: [string, unknown][] = [];
  for (const [key, child] of Object.entries(value)) {
    const property = known.get(key);
    if (property === undefined) result.push([key, child]);
    else if (child !== null) result.push([key, withDefaults(child, property)]);
  }
  for (const [key, property] of known) {
    if (property.default === undefined || (Object.hasOwn(value, key) && value[key] !== null)) continue;
    result.push([key, withDefaults(property.default, property)]);
  }
  return Object.fromEntries(result);
}
