import type { ErrorCode } from '../errors.ts';
import type { BodyBytes } from '../routing/body-match.ts';
import type { RateTable } from '../routing/rate-table.ts';
import { redirectLocation } from '../routing/redirect.ts';
import type { NeedsBody } from '../routing/route-table.ts';
import { MAX_HOPS } from './h1/limits.ts';
import type { RequestHead } from './h1/request-head.ts';
import { headerLines, PLAIN_TEXT, type Reply, replyFor } from './replies.ts';
import type { HttpRouteTable, HttpRule, RouteTarget } from './route-target.ts';

/** A request that no endpoint is needed for: the proxy answers it. */
export interface LocalAnswer {
  readonly kind: 'answer';
  readonly reply: Reply;
  /** Absent: the answer is what the route is for. */
  readonly code?: ErrorCode;
  readonly target?: RouteTarget;
}

/** What becomes of a request, as far as it can be said without an endpoint. */
export type Admission = HttpRule | NeedsBody | LocalAnswer;

/** Its host is not one of its connection's. */
export const MISDIRECTED: LocalAnswer = refuse('DOWNSTREAM_MISDIRECTED');
/** There is no memory for it. */
export const SHED: LocalAnswer = refuse('OVERLOADED', undefined, headerLines([['Retry-After', '1']]));

/**
 * Routes a request and applies what its route demands of it: who may come, how often, and how large. Without `body`
 * the answer may be `needs-body`. Allocates nothing for a request that goes on to an endpoint.
 */
export function admit(
  head: RequestHead,
  table: HttpRouteTable,
  rateTable: RateTable,
  body?: BodyBytes,
): Admission {
  if (head.hops >= MAX_HOPS) return refuse('LOOP');
  const found = body === undefined ? table.lookup(head) : table.lookupWithBody(head, body);
  switch (found.kind) {
    case 'rule':
      return applyRule(head, found, rateTable);
    case 'needs-body':
      // A body that is announced to be over the cap is not waited for.
      return head.contentLength > found.maxBytes ? admit(head, table, rateTable, 'unreadable') : found;
    case 'no-route':
      return refuse('NO_ROUTE');
    case 'unreadable-body':
      return refuse('BODY_UNREADABLE');
  }
}

function applyRule(head: RequestHead, rule: HttpRule, rateTable: RateTable): HttpRule | LocalAnswer {
  const target = rule.payload;
  if (target.access?.(head.clientAddress) === false) return refuse('ACCESS_DENIED', target);
  const waitMs = target.rateLimit?.take(rateTable, head) ?? 0;
  if (waitMs > 0)
    return refuse('RATE_LIMITED', target, headerLines(target.rateLimit!.refusalHeaders(waitMs)));
  if (target.filters.redirect !== undefined) return redirect(head, rule);
  if (target.filters.direct !== undefined) return direct(target);
  if (head.contentLength > target.maxBodyBytes) return refuse('DOWNSTREAM_BODY_TOO_LARGE', target);
  return rule;
}

function refuse(code: ErrorCode, target?: RouteTarget, lines?: string): LocalAnswer {
  const reply = replyFor(code, target?.noEndpoints, lines);
  return { kind: 'answer', reply, code, ...(target !== undefined && { target }) };
}

function redirect(head: RequestHead, rule: HttpRule): LocalAnswer {
  const target = rule.payload;
  const { redirect, response } = target.filters;
  const location = redirectLocation(redirect!, { path: rule.spec.path, listener: target.listener }, head);
  const lines = `Location: ${location}\r\n${response?.lines ?? ''}`;
  return { kind: 'answer', reply: { status: redirect!.statusCode, text: '', lines }, target };
}

function direct(target: RouteTarget): LocalAnswer {
  const { direct, response } = target.filters;
  const { statusCode, contentType = PLAIN_TEXT, body = '' } = direct!;
  const reply = { status: statusCode, text: body, contentType, lines: response?.lines ?? '' };
  return { kind: 'answer', reply, target };
}
