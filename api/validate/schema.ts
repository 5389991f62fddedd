/** A structural schema, as far as the LoadBalancerPool's uses it. */
export interface StructuralSchema {
  readonly title?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly items?: StructuralSchema;
  readonly default?: unknown;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'map' | 'set' | 'atomic';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string }[];
}

const properties = new WeakMap<StructuralSchema, ReadonlyMap<string, StructuralSchema>>();

/** The properties of a schema by name; the same map each time. */
export function propertiesOf(schema: StructuralSchema): ReadonlyMap<string, StructuralSchema> {
  let known = properties.get(schema);
  if (known === undefined) properties.set(schema, (known = new Map(Object.entries(schema.properties ?? {}))));
  return known;
}

/** Where something is wrong and what. */
export interface FieldError {
  /** Such as `spec.listeners[0].port`. */
  readonly path: string;
  /** For a person; one line, without the path. */
  readonly message: string;
}

export type JsonObject = Record<string, unknown>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function childPath(parent: string, key: string | number): string {
  if (typeof key === 'number') return `${parent}[${key}]`;
  return parent === '' ? key : `${parent}.${key}`;
}
