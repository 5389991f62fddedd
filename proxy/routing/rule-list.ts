import type { Condition } from './conditions.ts';
import type { RequestFacts } from './request-facts.ts';

interface ListedRule {
  readonly conditions: readonly Condition[];
}

/** Some rules in order; `select` leaves out those that one look at the request rules out. */
interface Run<R> {
  select(facts: RequestFacts): readonly R[];
}

/** Rules of one host and path in order of precedence, such that few need to be asked however many there are. */
export type RuleList<R> = readonly Run<R>[];

/** Below this, asking each is as fast. */
const MIN_SWITCH = 4;
const NONE: readonly never[] = [];

/**
 * Where many rules in a row want an exact value of the same header, cookie or parameter (tenants, versions), the value
 * finds its rules; all others are asked one after the other.
 */
export function buildRuleList<R extends ListedRule>(rules: readonly R[]): RuleList<R> {
  const runs: Run<R>[] = [];
  let plain: R[] = [];
  for (let i = 0; i < rules.length;) {
    const run = longestSwitch(rules, i);
    if (run === undefined) {
      plain.push(rules[i]!);
      i += 1;
    } else {
      if (plain.length > 0) runs.push(plainRun(plain));
      plain = [];
      runs.push(switchRun(run.field, rules.slice(i, i + run.length)));
      i += run.length;
    }
  }
  if (plain.length > 0) runs.push(plainRun(plain));
  return runs;
}

function longestSwitch(
  rules: readonly ListedRule[],
  start: number,
): { readonly field: string; readonly length: number } | undefined {
  let longest: { readonly field: string; readonly length: number } | undefined;
  for (const { exact } of rules[start]!.conditions) {
    if (exact === undefined) continue;
    let end = start + 1;
    while (end < rules.length && exactOf(rules[end]!, exact.field) !== undefined) end += 1;
    if (end - start > (longest?.length ?? MIN_SWITCH - 1))
      longest = { field: exact.field, length: end - start };
  }
  return longest;
}

function exactOf(rule: ListedRule, field: string): Condition['exact'] {
  return rule.conditions.find(({ exact }) => exact?.field === field)?.exact;
}

function plainRun<R>(rules: readonly R[]): Run<R> {
  return { select: () => rules };
}

function switchRun<R extends ListedRule>(field: string, rules: readonly R[]): Run<R> {
  const { read } = exactOf(rules[0]!, field)!;
  const byValue = Map.groupBy(rules, (rule) => exactOf(rule, field)!.value);
  return {
    select: (facts) => {
      const value = read(facts);
      return value === undefined ? NONE : (byValue.get(value) ?? NONE);
    },
  };
}
