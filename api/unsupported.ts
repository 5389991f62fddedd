import type { FieldError } from './validate/schema.ts';

/**
 * What the resource can say and this version does not carry out yet. Such a pool is refused, never half obeyed. A row
 * goes when its feature comes.
 */
export interface Unsupported {
  /** A field; `*` stands for every item of a list. */
  readonly path: readonly string[];
  /** Only these values; absent: any. */
  readonly values?: readonly unknown[];
  readonly what: string;
}

const UNSUPPORTED: readonly Unsupported[] = [];

/** @param pool with its defaults filled in */
export function findUnsupported(pool: object, rows: readonly Unsupported[] = UNSUPPORTED): FieldError[] {
  return rows.flatMap(({ path, values, what }) =>
    valuesAt(pool, path, '').flatMap(({ path: at, value }) =>
      values === undefined || values.includes(value)
        ? [{ path: at, message: `${what} is not supported yet` }]
        : [],
    ),
  );
}

function valuesAt(value: unknown, path: readonly string[], at: string): { path: string; value: unknown }[] {
  const [step, ...rest] = path;
  if (step === undefined) return [{ path: at, value }];
  if (step === '*') {
    const list: readonly unknown[] = Array.isArray(value) ? value : [];
    return list.flatMap((item, i) => valuesAt(item, rest, `${at}[${i}]`));
  }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return [];
  return valuesAt((value as Record<string, unknown>)[step], rest, at === '' ? step : `${at}.${step}`);
}
