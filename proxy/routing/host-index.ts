/** Tables by hostname pattern: the most specific pattern that takes a host is found without asking each. */
export class HostIndex<T> {
  readonly #exact = new Map<string, T>();
  /** By what follows `*.`. */
  readonly #wildcards = new Map<string, T>();
  readonly #wildcardLengths = new Set<number>();
  #every: T | undefined;

  constructor(tables: Iterable<readonly [pattern: string, table: T]>) {
    for (const [pattern, table] of tables) {
      if (pattern === '') {
        this.#every = table;
      } else if (pattern.startsWith('*.')) {
        this.#wildcards.set(pattern.slice(2), table);
        this.#wildcardLengths.add(pattern.length - 2);
      } else {
        this.#exact.set(pattern, table);
      }
    }
  }

  find(hostname: string): T | undefined {
    return this.#exact.get(hostname) ?? this.#findWildcard(hostname) ?? this.#every;
  }

  #findWildcard(hostname: string): T | undefined {
    if (this.#wildcards.size === 0) return undefined;
    // From the left, so that the longest wildcard comes first; a label must stand where the star does.
    for (let dot = hostname.indexOf('.', 1); dot !== -1; dot = hostname.indexOf('.', dot + 1)) {
      if (!this.#wildcardLengths.has(hostname.length - dot - 1)) continue;
      const table = this.#wildcards.get(hostname.slice(dot + 1));
      if (table !== undefined) return table;
    }
    return undefined;
  }
}

/** The patterns that take every host which `pattern` takes, the most specific first, without itself. */
export function* widerPatterns(pattern: string): Generator<string> {
  if (pattern === '') return;
  const name = pattern.startsWith('*.') ? pattern.slice(2) : pattern;
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
    yield `*.${name.slice(dot + 1)}`;
  }
  yield '';
}
