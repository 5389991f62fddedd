import { CelScalar, celEnv, celFunc, isCelError, parse, plan, type CelInput } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { isCIDR, isIP } from '../address.ts';
import { listKey } from './list-types.ts';
import {
  childPath,
  isJsonObject,
  type FieldError,
  type JsonObject,
  type StructuralSchema,
} from './schema.ts';

/** A value and what stood in its place before, if anything did. */
interface Revision {
  readonly value: unknown;
  readonly old: unknown;
}

type Check = (revision: Revision, path: string, errors: FieldError[]) => void;

/** The API server's network functions, as far as our rules use them, and those on text. */
const ENV = celEnv({
  funcs: [
    ...strings,
    celFunc('isIP', [CelScalar.STRING], CelScalar.BOOL, isIP),
    celFunc('isCIDR', [CelScalar.STRING], CelScalar.BOOL, isCIDR),
  ],
});

/**
 * Plans every CEL rule of a schema once. The returned function runs those that apply; its value has passed the schema
 * and has its defaults. Rules on `oldSelf` run only where there is an old value to compare with, found by field name
 * and, in lists of type `map`, by key.
 */
export function compileRules(
  schema: StructuralSchema,
): (value: JsonObject, old: JsonObject | undefined) => FieldError[] {
  const check = compileNode(schema);
  return (value, old) => {
    const errors: FieldError[] = [];
    check?.({ value, old }, '', errors);
    return errors;
  };
}

/** Undefined when neither the node nor anything below it has a rule. */
function compileNode(schema: StructuralSchema): Check | undefined {
  const own = (schema['x-kubernetes-validations'] ?? []).map(({ rule, message }) =>
    compileRule(rule, message),
  );
  const below = compileProperties(schema) ?? compileItems(schema);
  if (own.length === 0) return below;
  return (revision, path, errors) => {
    const self = toCel(revision.value, schema);
    const oldSelf = revision.old === undefined ? undefined : toCel(revision.old, schema);
    for (const check of own) {
      const message = check(self, oldSelf);
      if (message !== undefined) errors.push({ path, message });
    }
    below?.(revision, path, errors);
  };
}

function compileProperties({ properties }: StructuralSchema): Check | undefined {
  const checks = Object.entries(properties ?? {}).flatMap(([key, child]) => {
    const check = compileNode(child);
    return check === undefined ? [] : [{ key, check }];
  });
  if (checks.length === 0) return undefined;
  return ({ value, old }, path, errors) => {
    if (!isJsonObject(value)) return;
    for (const { key, check } of checks) {
      if (!Object.hasOwn(value, key)) continue;
      const before = isJsonObject(old) && Object.hasOwn(old, key) ? old[key] : undefined;
      check({ value: value[key], old: before }, childPath(path, key), errors);
    }
  };
}

function compileItems({ items, ...schema }: StructuralSchema): Check | undefined {
  const check = items === undefined ? undefined : compileNode(items);
  if (check === undefined) return undefined;
  const keys = schema['x-kubernetes-list-map-keys'];
  return ({ value, old }, path, errors) => {
    if (!Array.isArray(value)) return;
    const before = new Map<string, unknown>();
    if (keys !== undefined && Array.isArray(old)) {
      for (const item of old) before.set(JSON.stringify(listKey(item, keys)), item);
    }
    for (const [i, item] of value.entries()) {
      const previous = keys === undefined ? undefined : before.get(JSON.stringify(listKey(item, keys)));
      check({ value: item, old: previous }, childPath(path, i), errors);
    }
  };
}

/** The returned function gives the message when the rule is broken. */
function compileRule(
  rule: string,
  message: string,
): (self: CelInput, oldSelf?: CelInput) => string | undefined {
  const evaluate = plan(ENV, parse(rule)) as (bindings: Record<string, CelInput>) => unknown;
  const isTransition = /\boldSelf\b/.test(rule);
  return (self, oldSelf) => {
    if (isTransition && oldSelf === undefined) return undefined;
    const verdict = evaluate(oldSelf === undefined ? { self } : { self, oldSelf });
    // A rule that cannot be evaluated (a regular expression that does not compile) is broken, as on the API server.
    return verdict === true && !isCelError(verdict) ? undefined : message;
  };
}

/** JSON has one kind of number; whether it is an int in CEL is the schema's word. */
function toCel(value: unknown, schema: StructuralSchema): CelInput {
  if (Array.isArray(value)) return value.map((item) => toCel(item, schema.items ?? {}));
  if (isJsonObject(value)) {
    const known = new Map(Object.entries(schema.properties ?? {}));
    return new Map(Object.entries(value).map(([key, child]) => [key, toCel(child, known.get(key) ?? {})]));
  }
  const isInteger = schema.type === 'integer' || schema['x-kubernetes-int-or-string'] === true;
  return typeof value === 'number' && isInteger ? BigInt(value) : (value as CelInput);
}
