import { Ajv, type ErrorObject } from 'ajv';
import { childPath, isJsonObject, type FieldError, type StructuralSchema } from './schema.ts';

/** Checks a value against a structural schema, without its CEL rules and list types. Unknown fields are errors. */
export function compileSchema(schema: StructuralSchema): (value: unknown) => FieldError[] {
  const ajv = new Ajv({ allErrors: true, strict: false, logger: false });
  ajv.addFormat('int32', true);
  ajv.addFormat('int64', true);
  ajv.addFormat('date-time', isDateTime);
  const check = ajv.compile(toJsonSchema(schema));
  return (value) => (check(value) ? [] : (check.errors ?? []).map((error) => toFieldError(error)));
}

function toJsonSchema(schema: StructuralSchema): object {
  const { properties, items, default: _, ...rest } = schema;
  if (schema['x-kubernetes-int-or-string'] === true) {
    return { ...rest, anyOf: undefined, type: ['integer', 'string'] };
  }
  if (properties !== undefined) {
    const converted = Object.entries(properties).map(([key, child]) => [key, toJsonSchema(child)]);
    return { ...rest, properties: Object.fromEntries(converted), additionalProperties: false };
  }
  return items === undefined ? rest : { ...rest, items: toJsonSchema(items) };
}

/** RFC 3339. */
function isDateTime(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text) &&
    !Number.isNaN(Date.parse(text))
  );
}

function toFieldError(error: ErrorObject): FieldError {
  const path = fieldPath(error.instancePath);
  const params: Record<string, unknown> = isJsonObject(error.params) ? error.params : {};
  switch (error.keyword) {
    case 'required':
      return { path: childPath(path, String(params['missingProperty'])), message: 'is required' };
    case 'additionalProperties':
      return { path: childPath(path, String(params['additionalProperty'])), message: 'is not a known field' };
    case 'enum': {
      const values = (params['allowedValues'] as unknown[]).map((value) => JSON.stringify(value));
      return { path, message: `must be one of ${values.join(', ')}` };
    }
    case 'type': {
      const wanted = [params['type']].flat().join(' or ');
      return { path, message: `must be of type ${wanted}` };
    }
    case 'pattern':
      return { path, message: `must match ${String(params['pattern'])}` };
    case 'format':
      return { path, message: `must be a valid ${String(params['format'])}` };
    case 'minimum':
      return { path, message: `must be at least ${String(params['limit'])}` };
    case 'maximum':
      return { path, message: `must be at most ${String(params['limit'])}` };
    case 'minLength':
      return { path, message: `must have at least ${String(params['limit'])} characters` };
    case 'maxLength':
      return { path, message: `must have at most ${String(params['limit'])} characters` };
    case 'minItems':
      return { path, message: `must have at least ${String(params['limit'])} items` };
    case 'maxItems':
      return { path, message: `must have at most ${String(params['limit'])} items` };
    default:
      return { path, message: error.message ?? 'is not valid' };
  }
}

/** `/spec/listeners/0/port` as `spec.listeners[0].port`. */
function fieldPath(pointer: string): string {
  let path = '';
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    path = childPath(path, /^\d+$/.test(key) ? Number(key) : key);
  }
  return path;
}
