import { CelScalar, celEnv, celFunc, isCelError, parse, plan, type CelInput } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { isCIDR, isIP } from '../address.ts';
import {
  childPath,
  isJsonObject,
  propertiesOf,
  type FieldError,
  type JsonObject,
  type StructuralSchema,
} from './schema.ts';

/** A value in CEL's terms: objects are maps, integers bigint. */
type CelNode = CelInput;

/** @param old what stood in its place before, if anything did */
type Check = (value: CelNode, old: CelNode | undefined, path: string, errors: FieldError[]) => void;

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
    check?.(toCel(value, schema), old === undefined ? undefined : toCel(old, schema), '', errors);
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
  return (self, oldSelf, path, errors) => {
    for (const check of own) {
      const message = check(self, oldSelf);
      if (message !== undefined) errors.push({ path, message });
    }
    below?.(self, oldSelf, path, errors);
  };
}

function compileProperties({ properties }: StructuralSchema): Check | undefined {
  const checks = Object.entries(properties ?? {}).flatMap(([key, child]) => {
    const check = compileNode(child);
    return check === undefined ? [] : [{ key, check }];
  });
  if (checks.length === 0) return undefined;
  return (value, old, path, errors) => {
    if (!(value instanceof Map)) return;
    for (const { key, check } of checks) {
      if (!value.has(key)) continue;
      const before = old instanceof Map ? (old.get(key) as CelNode) : undefined;
      check(value.get(key) as CelNode, before, childPath(path, key), errors);
    }
  };
}

function compileItems(schema: StructuralSchema): Check | undefined {
  const check = schema.items === undefined ? undefined : compileNode(schema.items);
  if (check === undefined) return undefined;
  const keys = schema['x-kubernetes-list-map-keys'];
  return (value, old, path, errors) => {
    if (!Array.isArray(value)) return;
    const before = new Map<string, CelNode>();
    if (keys !== undefined && Array.isArray(old)) {
      for (const item of old as CelNode[]) before.set(celKey(item, keys), item);
    }
    for (const [i, item] of (value as CelNode[]).entries()) {
      const previous = keys === undefined ? undefined : before.get(celKey(item, keys));
      check(item, previous, childPath(path, i), errors);
    }
  };
}

function celKey(item: CelNode, keys: readonly string[]): string {
  return item instanceof Map ? keys.map((key) => String(item.get(key))).join('\n') : '';
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
    const known = propertiesOf(schema);
    return new Map(Object.entries(value).map(([key, child]) => [key, toCel(child, known.get(key) ?? {})]));
  }
  const isInteger = schema.type === 'integer' || schema['x-kubernetes-int-or-string'] === true;
  return typeof value === 'number' && isInteger ? BigInt(value) : (value as CelInput);
}
