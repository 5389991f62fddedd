import type { BackendRefSpec, PoolSpec } from '../pool.gen.ts';
import { childPath, type FieldError } from './schema.ts';

/** CEL says only that some reference inside the pool leads nowhere; this says which, and what there is. */
export function unknownNames(spec: PoolSpec): FieldError[] {
  const listeners = spec.listeners.map(({ name }) => name);
  const backends = spec.backends.map(({ name }) => name);
  const inRefs = (refs: readonly BackendRefSpec[] | undefined, path: string): FieldError[] =>
    (refs ?? []).flatMap(({ name }, i) => unknown(name, backends, 'backend', `${path}[${i}].name`));

  const errors = inRefs(spec.defaultBackendRefs, 'spec.defaultBackendRefs');
  for (const [i, route] of (spec.routes ?? []).entries()) {
    const path = childPath('spec.routes', i);
    for (const [j, name] of (route.listeners ?? []).entries()) {
      errors.push(...unknown(name, listeners, 'listener', `${path}.listeners[${j}]`));
    }
    errors.push(...inRefs(route.backendRefs, `${path}.backendRefs`));
  }
  return errors;
}

function unknown(name: string, known: readonly string[], what: string, path: string): FieldError[] {
  if (known.includes(name)) return [];
  return [{ path, message: `no ${what} is called ${name}; there are ${known.join(', ')}` }];
}
