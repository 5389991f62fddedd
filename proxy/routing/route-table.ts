import type { RequestView } from '../http/request-view.ts';
import { type BodyBytes, type CompiledBodyMatch, compileBodyMatch } from './body-match.ts';
import { compileConditions, type Condition, failingCondition } from './conditions.ts';
import { type HostIndex, indexByHost, listenerHostnames } from './host-index.ts';
import { buildPathIndex, type PathIndex } from './path-index.ts';
import { compareRules } from './precedence.ts';
import { RequestFacts } from './request-facts.ts';
import type { RuleList } from './rule-list.ts';
import { expandRules, type RouteEntry, type RoutedPool, type RouteSource, type RuleSpec } from './rule.ts';

/** A rule as a table holds it: what it was made from, what it asks, and what its caller hung on it. */
export interface Rule<P extends RoutedPool, T> {
  readonly kind: 'rule';
  readonly spec: RuleSpec<P>;
  /** One for each route (or a pool's defaults) on each listener, shared by its rules. */
  readonly payload: T;
  readonly conditions: readonly Condition[];
  readonly body: CompiledBodyMatch | undefined;
}

/**
 * What a table says about a request.
 * - `needs-body`: a rule with a body match holds in everything else, and no other before it does. Buffer the body
 *   up to `maxBytes` within `timeoutMs` and ask `lookupWithBody`.
 * - `unreadable-body`: such a rule holds, the body can't be read, and the rule wants that refused.
 */
export type RouteAnswer<P extends RoutedPool, T> =
  | Rule<P, T>
  | { readonly kind: 'no-route' }
  | NeedsBody
  | { readonly kind: 'unreadable-body' };

export interface NeedsBody {
  readonly kind: 'needs-body';
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

const NO_ROUTE = { kind: 'no-route' } as const;
const UNREADABLE_BODY = { kind: 'unreadable-body' } as const;

/** The rules of one hostname pattern. */
interface PathTable<P extends RoutedPool, T> {
  readonly specs: readonly RuleSpec<P>[];
  /** Made when a request first asks: a change of one pool on a busy port costs the others next to nothing. */
  paths: PathIndex<Rule<P, T>> | undefined;
  wider: PathTable<P, T> | undefined;
}

/**
 * The routes of one HTTP port, immutable; made anew when the configuration of a pool on the port changes. A host
 * belongs to the listeners with the most specific hostname that takes it (the Gateway API's listener isolation): only
 * their rules are asked, in the order of `compareRules`, and the first that holds in everything wins.
 */
export class RouteTable<P extends RoutedPool, T> {
  readonly listenerHostnames: ReadonlySet<string>;
  readonly #payloads: ReadonlyMap<RouteSource<P>, T>;
  readonly #specs: readonly RuleSpec<P>[];
  readonly #hosts: HostIndex<PathTable<P, T>>;
  readonly #compiled = new Map<RuleSpec<P>, Rule<P, T>>();
  readonly #facts = new RequestFacts();

  constructor(
    specs: readonly RuleSpec<P>[],
    payloads: ReadonlyMap<RouteSource<P>, T>,
    listenerHostnames: ReadonlySet<string>,
  ) {
    this.listenerHostnames = listenerHostnames;
    this.#payloads = payloads;
    this.#specs = specs;
    this.#hosts = indexByHost(specs, listenerHostnames, (owned): PathTable<P, T> => ({
      specs: owned,
      paths: undefined,
      wider: undefined,
    }));
  }

  /** Every rule, in order of precedence; those that another listener's hostname hides are among them. */
  get rules(): readonly Rule<P, T>[] {
    return this.#specs.toSorted(compareRules).map((spec) => this.#compile(spec));
  }

  lookup(request: RequestView): RouteAnswer<P, T> {
    this.#facts.reset(request);
    return this.#find(request);
  }

  /** After `needs-body`: the same question with the whole body, or without one that could not be had. */
  lookupWithBody(request: RequestView, body: BodyBytes): RouteAnswer<P, T> {
    this.#facts.reset(request, body);
    return this.#find(request);
  }

  #find(request: RequestView): RouteAnswer<P, T> {
    let host = this.#hosts.find(request.hostname);
    for (; host !== undefined; host = host.wider) {
      const paths = host.paths ?? this.#buildPaths(host);
      const exact = paths.exact?.get(request.path);
      let answer = exact === undefined ? undefined : this.#firstHolding(exact);
      if (answer !== undefined) return answer;
      answer = this.#firstRegular(paths.regular, request.path);
      if (answer !== undefined) return answer;
      let prefix = paths.longestPrefix(request.path);
      for (; prefix !== undefined; prefix = prefix.shorter) {
        answer = this.#firstHolding(prefix.rules!);
        if (answer !== undefined) return answer;
      }
    }
    return NO_ROUTE;
  }

  #firstRegular(regular: PathIndex<Rule<P, T>>['regular'], path: string): RouteAnswer<P, T> | undefined {
    if (regular === undefined) return undefined;
    for (const place of regular.patterns.matching(path)) {
      const answer = this.#ask(regular.rules[place]!);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  #firstHolding(runs: RuleList<Rule<P, T>>): RouteAnswer<P, T> | undefined {
    for (const run of runs) {
      for (const rule of run.select(this.#facts)) {
        const answer = this.#ask(rule);
        if (answer !== undefined) return answer;
      }
    }
    return undefined;
  }

  /** A rule whose hostname and path hold: does the rest? Undefined: no. */
  #ask(rule: Rule<P, T>): RouteAnswer<P, T> | undefined {
    if (failingCondition(rule.conditions, this.#facts) !== undefined) return undefined;
    if (rule.body === undefined) return rule;
    switch (rule.body.judge(this.#facts)) {
      case 'holds':
        return rule;
      case 'fails':
        return undefined;
      case 'reject':
        return UNREADABLE_BODY;
      case 'needs-body':
        return rule.body.needsBody;
    }
  }

  #buildPaths(host: PathTable<P, T>): PathIndex<Rule<P, T>> {
    const rules = host.specs.toSorted(compareRules).map((spec) => this.#compile(spec));
    return (host.paths = buildPathIndex(rules));
  }

  #compile(spec: RuleSpec<P>): Rule<P, T> {
    let rule = this.#compiled.get(spec);
    if (rule === undefined) {
      rule = {
        kind: 'rule',
        spec,
        payload: this.#payloads.get(spec.source)!,
        conditions: compileConditions(spec),
        body: spec.match?.body && compileBodyMatch(spec.match.body, spec.source.listener),
      };
      this.#compiled.set(spec, rule);
    }
    return rule;
  }
}

/**
 * The table for one HTTP port from all listeners on it. `payload` is called once for each route, and for a pool's
 * defaults, on each listener; what it returns comes back with every rule of that route. What `checkRouting` finds
 * fault with throws, here or at the first request for its host.
 */
export function compileRouteTable<P extends RoutedPool, T>(
  entries: readonly RouteEntry<P>[],
  payload: (source: RouteSource<P>) => T,
): RouteTable<P, T> {
  const specs = entries.flatMap((entry) => expandRules(entry));
  const payloads = new Map<RouteSource<P>, T>();
  for (const { source } of specs) {
    if (!payloads.has(source)) payloads.set(source, payload(source));
  }
  return new RouteTable(specs, payloads, listenerHostnames(entries.map(({ listener }) => listener)));
}
