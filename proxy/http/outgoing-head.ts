import { modifyPath } from '../routing/path-modifier.ts';
import type { RequestHead } from './h1/request-head.ts';
import { type RequestChanges, writeRequestHead } from './h1/write-request.ts';
import type { HttpRule } from './route-target.ts';

const WITH_UNDERSCORE = /\r\n[^:\r\n]*_[^:\r\n]*:[^\r\n]*/g;

/** The same without header lines that have an underscore in their name. */
export function withoutUnderscores(head: string): string {
  return head.replace(WITH_UNDERSCORE, '');
}

/** The head that a backend gets, with what the route changes in it. */
export function outgoingHead(
  head: RequestHead,
  rule: HttpRule,
  forwarded: string,
  requestId: string,
): string {
  const { request, rewrite } = rule.payload.filters;
  if (request === undefined && rewrite === undefined) return writeRequestHead(head, { forwarded, requestId });
  const changes: RequestChanges = {
    forwarded,
    requestId,
    ...(request !== undefined && { edit: request }),
    ...(rewrite?.hostname !== undefined && { authority: rewrite.hostname }),
    ...(rewrite?.path !== undefined &&
      head.target !== '*' && {
        target:
          modifyPath(rewrite.path, rule.spec.path, head.path) + (head.query === '' ? '' : `?${head.query}`),
      }),
  };
  return writeRequestHead(head, changes);
}
