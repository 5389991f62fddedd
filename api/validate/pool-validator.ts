import { POOL_API_VERSION, POOL_KIND, type LoadBalancerPool } from '../pool.ts';
import { compileRules } from './cel-rules.ts';
import { withDefaults } from './defaults.ts';
import { compileSchema } from './json-schema.ts';
import { duplicates } from './list-types.ts';
import { unknownNames } from './unknown-names.ts';
import { isJsonObject, type FieldError, type JsonObject, type StructuralSchema } from './schema.ts';

export type Validation =
  | { readonly ok: true; readonly pool: LoadBalancerPool }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

export interface PoolValidator {
  /**
   * The API server's verdict on a pool, without it. A pool that passes comes back with the schema's defaults; the
   * argument stays as it is. Unknown fields are errors.
   * @param old the pool as it was, for rules on what must not change; absent for a new one
   */
  validate(object: unknown, old?: LoadBalancerPool): Validation;
}

/** More than a person reads. */
const MAX_ERRORS = 100;

/**
 * Prepares everything that can be prepared once: schema and CEL rules.
 * @param crd the parsed `crds/loadbalancerpools.yaml`
 */
export function compilePoolValidator(crd: unknown): PoolValidator {
  const { metadata: _, ...properties } = poolSchema(crd).properties ?? {};
  const schema: StructuralSchema = { ...poolSchema(crd), properties };
  const checkSchema = compileSchema(schema);
  const checkRules = compileRules(schema);

  return {
    validate: (object, old) => {
      if (!isJsonObject(object)) return failed([{ path: '', message: 'must be an object' }]);
      const { metadata, ...rest } = object;
      const value = withDefaults(rest, schema) as JsonObject;
      const shape = [...checkKind(value), ...checkMetadata(metadata), ...checkSchema(value)];
      if (shape.length > 0) return failed(shape);

      const twice = duplicates(value, schema);
      if (twice.length > 0) return failed(twice);

      const pool = {
        ...value,
        metadata: withMetadata(metadata as JsonObject),
      } as unknown as LoadBalancerPool;
      const broken = [...unknownNames(pool.spec), ...checkRules(value, old as JsonObject | undefined)];
      return broken.length > 0 ? failed(broken) : { ok: true, pool };
    },
  };
}

function failed(errors: readonly FieldError[]): Validation {
  return { ok: false, errors: errors.slice(0, MAX_ERRORS) };
}

function poolSchema(crd: unknown): StructuralSchema {
  const { spec } = crd as {
    spec: { versions: { name: string; schema: { openAPIV3Schema: StructuralSchema } }[] };
  };
  const version = spec.versions.find(({ name }) => POOL_API_VERSION.endsWith(`/${name}`));
  if (version === undefined) throw new Error(`the CRD has no version for ${POOL_API_VERSION}`);
  return version.schema.openAPIV3Schema;
}

function checkKind(value: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  if (value['apiVersion'] !== POOL_API_VERSION) {
    errors.push({ path: 'apiVersion', message: `must be ${POOL_API_VERSION}` });
  }
  if (value['kind'] !== POOL_KIND) errors.push({ path: 'kind', message: `must be ${POOL_KIND}` });
  return errors;
}

function checkMetadata(metadata: unknown): FieldError[] {
  const { name, namespace = 'default' } = isJsonObject(metadata) ? metadata : {};
  const errors: FieldError[] = [];
  if (typeof name !== 'string' || name.length > 253 || !SUBDOMAIN.test(name)) {
    errors.push({ path: 'metadata.name', message: 'must be lower-case letters, digits, "-" and "."' });
  }
  if (typeof namespace !== 'string' || namespace.length > 63 || !LABEL.test(namespace)) {
    errors.push({ path: 'metadata.namespace', message: 'must be lower-case letters, digits and "-"' });
  }
  return errors;
}

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** What the API server adds to the metadata of a stored object, for one that was never stored. */
function withMetadata(metadata: JsonObject): JsonObject {
  const { namespace = 'default', name } = metadata;
  return {
    uid: `${String(namespace)}/${String(name)}`,
    creationTimestamp: '1970-01-01T00:00:00Z',
    generation: 1,
    ...metadata,
    namespace,
  };
}
