import type { NamedMatch } from '../../api/snapshot.ts';
import { compileCidrSet } from '../net/cidr-set.ts';
import type { RequestFacts } from './request-facts.ts';
import type { RoutedPool, RuleSpec } from './rule.ts';
import { compileValueMatch, describeValue } from './value-matcher.ts';

type Read = (facts: RequestFacts) => string | undefined;

/** One thing a rule asks of a request beyond its hostname, path and body. */
export interface Condition {
  /** The field of the resource that it comes from, for `explain`. */
  readonly field: string;
  holds(facts: RequestFacts): boolean;
  /** Holds exactly when what `read` gives is `value`; conditions with the same `field` here read the same. */
  readonly exact?: { readonly field: string; readonly read: Read; readonly value: string };
}

/** In the order in which they are asked. */
export function compileConditions(rule: RuleSpec<RoutedPool>): readonly Condition[] {
  const { match } = rule;
  if (match === undefined) return [];
  return [
    ...(match.methods.length > 0 ? [methodCondition(match.methods)] : []),
    ...match.headers.map((each) =>
      namedCondition('headers', each, (facts) => facts.request.header(each.name)),
    ),
    ...match.cookies.map((each) => namedCondition('cookies', each, (facts) => facts.cookie(each.name))),
    ...match.queryParams.map((each) =>
      namedCondition('queryParams', each, (facts) => facts.queryParam(each.name)),
    ),
    ...(rule.sourcePrefixLength >= 0 ? [sourceCondition(rule.sourceCIDRs)] : []),
  ];
}

/** The first that does not hold. */
export function failingCondition(
  conditions: readonly Condition[],
  facts: RequestFacts,
): Condition | undefined {
  for (const condition of conditions) {
    if (!condition.holds(facts)) return condition;
  }
  return undefined;
}

function methodCondition(methods: readonly string[]): Condition {
  const only = methods.length === 1 ? methods[0]! : undefined;
  return {
    field: `methods [${methods.join(', ')}]`,
    holds: (facts) =>
      only === undefined ? methods.includes(facts.request.method) : facts.request.method === only,
  };
}

function sourceCondition(cidrs: readonly string[]): Condition {
  const set = compileCidrSet(cidrs);
  return {
    field: `sourceCIDRs [${cidrs.join(', ')}]`,
    holds: (facts) => facts.clientAddress !== undefined && set.has(facts.clientAddress),
  };
}

function namedCondition(list: string, match: NamedMatch, read: Read): Condition {
  const valueHolds = compileValueMatch(match);
  const field = `${list} ${match.name}`;
  return {
    field: `${field} ${describeValue(match)}`,
    holds: (facts) => valueHolds(read(facts)),
    ...(match.type === 'Exact' ? { exact: { field, read, value: match.value } } : {}),
  };
}
