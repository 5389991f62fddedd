import type { RequestView } from '../http/request-view.ts';
import type { BodyBytes } from './body-match.ts';
import { failingCondition } from './conditions.ts';
import { ownerOf } from './host-index.ts';
import { hostnameMatches } from './hostname.ts';
import { pathHolds } from './path-index.ts';
import { RequestFacts } from './request-facts.ts';
import type { RouteAnswer, RouteTable, Rule } from './route-table.ts';
import type { RoutedPool } from './rule.ts';

/** One rule and what became of it. */
export interface Candidate<P extends RoutedPool, T> {
  readonly rule: Rule<P, T>;
  readonly outcome:
    | 'wins'
    /** Would win, or not, depending on a body that was not given. */
    | 'needs-body'
    /** Holds but for a body that can't be read, which it wants refused. */
    | 'rejects'
    | 'loses';
  /** The first condition that does not hold, in the words of the resource; empty when there is none. */
  readonly reason: string;
}

export interface Explanation<P extends RoutedPool, T> {
  /** What `lookup` (with a body: `lookupWithBody`) says. */
  readonly answer: RouteAnswer<P, T>;
  /** Every rule of the port, in order of precedence. */
  readonly candidates: readonly Candidate<P, T>[];
}

/** Which rule of the table takes a request, and why each other one does not. */
export function explainRoute<P extends RoutedPool, T>(
  table: RouteTable<P, T>,
  request: RequestView,
  body?: BodyBytes,
): Explanation<P, T> {
  const facts = new RequestFacts();
  facts.reset(request, body);
  const owner = ownerOf(request.hostname, table.listenerHostnames);
  let decided = false;
  const candidates = table.rules.map((rule): Candidate<P, T> => {
    const reason = firstFailure(rule, facts, owner);
    if (reason !== undefined) return { rule, outcome: 'loses', reason };
    if (decided) return { rule, outcome: 'loses', reason: 'a rule before it takes the request' };
    const outcome = bodyOutcome(rule, facts);
    if (outcome === 'loses') return { rule, outcome, reason: rule.body!.field };
    decided = true;
    return { rule, outcome, reason: '' };
  });
  const answer = body === undefined ? table.lookup(request) : table.lookupWithBody(request, body);
  return { answer, candidates };
}

/** Of the conditions that need no body. */
function firstFailure<P extends RoutedPool, T>(
  rule: Rule<P, T>,
  facts: RequestFacts,
  owner: string | undefined,
): string | undefined {
  const { spec, conditions } = rule;
  if (!hostnameMatches(spec.hostname, facts.request.hostname)) return `hostname ${spec.hostname}`;
  if (spec.listenerHostname !== owner) return `the host belongs to a listener for ${owner}`;
  if (!pathHolds(spec.path, facts.request.path)) return `path ${spec.path.type} ${spec.path.value}`;
  return failingCondition(conditions, facts)?.field;
}

function bodyOutcome<P extends RoutedPool, T>(
  rule: Rule<P, T>,
  facts: RequestFacts,
): Candidate<P, T>['outcome'] {
  if (rule.body === undefined) return 'wins';
  switch (rule.body.judge(facts)) {
    case 'holds':
      return 'wins';
    case 'fails':
      return 'loses';
    case 'reject':
      return 'rejects';
    case 'needs-body':
      return 'needs-body';
  }
}
