import type { NamedMatch } from '../../api/snapshot.ts';
import { compileCidrSet } from '../net/cidr-set.ts';
import type { RequestFacts } from './request-facts.ts';
import type { RoutedPool, RuleSpec } from './rule.ts';
import { compileValueMatch, describeValue } from './value-matcher.ts';

/** One thing a rule asks of a request beyond its hostname, path and body. */
export interface Condition {
  /** Field of the resource it comes from, for `explain`. */
  readonly field: string;
  holds(facts: RequestFacts): boolean;
}

/** In the order in which they are asked: the cheap ones first. */
export function compileConditions(rule: RuleSpec<RoutedPool>): readonly Condition[] {
  const { match } = rule;
  if (match === undefined) return [];
  const conditions: Condition[] = [];
  if (match.methods.length > 0) conditions.push(methodCondition(match.methods));
  for (const header of match.headers) {
    const holds = compileValueMatch(header);
    const { name } = header;
    conditions.push({
      field: fieldOf('headers', header),
      holds: (facts) => holds(facts.request.header(name)),
    });
  }
  for (const cookie of match.cookies) {
    const holds = compileValueMatch(cookie);
    const { name } = cookie;
    conditions.push({ field: fieldOf('cookies', cookie), holds: (facts) => holds(facts.cookie(name)) });
  }
  for (const parameter of match.queryParams) {
    const holds = compileValueMatch(parameter);
    const { name } = parameter;
    conditions.push({
      field: fieldOf('queryParams', parameter),
      holds: (facts) => holds(facts.queryParam(name)),
    });
  }
  if (rule.sourcePrefixLength >= 0) conditions.push(sourceCondition(rule.sourceCIDRs));
  return conditions;
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

function fieldOf(list: string, match: NamedMatch): string {
  return `${list} ${match.name} ${describeValue(match)}`;
}
