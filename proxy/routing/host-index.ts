import type { Listener } from '../../api/snapshot.ts';

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
function* widerPatterns(pattern: string): Generator<string> {
  if (pattern === '') return;
  const name = pattern.startsWith('*.') ? pattern.slice(2) : pattern;
  for (let dot = name.indexOf('.', 1); dot !== -1; dot = name.indexOf('.', dot + 1)) {
    yield `*.${name.slice(dot + 1)}`;
  }
  yield '';
}

interface HostedRule {
  readonly hostname: string;
  readonly listenerHostname: string;
}

/** What a table says of one hostname pattern; `wider` is the next, as long as the same listeners own it. */
export interface HostTable {
  wider: this | undefined;
}

/**
 * One table for each hostname pattern of rules and listeners, found by host. A host belongs to the listeners with
 * the most specific hostname that takes it, so a rule of any other listener is in no table for that host.
 */
export function indexByHost<R extends HostedRule, T extends HostTable>(
  rules: readonly R[],
  listenerHostnames: ReadonlySet<string>,
  build: (rules: readonly R[]) => T,
): HostIndex<T> {
  const byHostname = Map.groupBy(rules, (rule) => rule.hostname);
  const tables = new Map<string, T>();
  for (const hostname of listenerHostnames.union(byHostname)) {
    const owner = ownerOf(hostname, listenerHostnames);
    const candidates = byHostname.get(hostname) ?? [];
    tables.set(hostname, build(candidates.filter((rule) => rule.listenerHostname === owner)));
  }
  for (const [hostname, table] of tables) {
    if (listenerHostnames.has(hostname)) continue;
    const wider = widerPatterns(hostname).find((pattern) => tables.has(pattern));
    table.wider = wider === undefined ? undefined : tables.get(wider);
  }
  return new HostIndex(tables);
}

/** The most specific listener hostname that takes all of `hostname`, which may be a host or a pattern. */
export function ownerOf(hostname: string, listenerHostnames: ReadonlySet<string>): string | undefined {
  if (listenerHostnames.has(hostname)) return hostname;
  return widerPatterns(hostname).find((pattern) => listenerHostnames.has(pattern));
}

/** The hostnames that listeners own; the empty one where a listener names none. */
export function listenerHostnames(listeners: Iterable<Listener>): Set<string> {
  const hostnames = new Set<string>();
  for (const listener of listeners) {
    for (const hostname of listener.hostnames.length > 0 ? listener.hostnames : ['']) hostnames.add(hostname);
  }
  return hostnames;
}
