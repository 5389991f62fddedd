import { parseSingularQuery } from '../../lib/json-path.ts';
import type { JsonValue } from './json-body.ts';

/** A singular query, compiled: the one value that it names, or undefined. Throws on any other query. */
export function compileJsonPath(query: string): (root: JsonValue) => JsonValue | undefined {
  const steps = parseSingularQuery(query);
  if (steps === undefined) throw new Error(`not a singular JSONPath query: ${query}`);
  return (root) => {
    let value: JsonValue | undefined = root;
    for (const step of steps) {
      value = child(value, step);
      if (value === undefined) return undefined;
    }
    return value;
  };
}

function child(value: JsonValue, step: string | number): JsonValue | undefined {
  if (typeof step === 'string') return value instanceof Map ? value.get(step) : undefined;
  return Array.isArray(value) ? value.at(step) : undefined;
}
