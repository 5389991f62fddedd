import type { BodyMatch, Listener } from '../../api/snapshot.ts';
import { compileJsonPath } from './json-path.ts';
import type { RequestFacts } from './request-facts.ts';
import { compileValueMatch, describeValue } from './value-matcher.ts';

/** All of a body's bytes without transfer coding; `unreadable`: over the cap, or not whole in time. */
export type BodyBytes = Uint8Array | 'unreadable';

export type BodyVerdict = 'holds' | 'fails' | 'reject' | 'needs-body';

export interface CompiledBodyMatch {
  /** What to tell whoever holds the body. */
  readonly needsBody: { readonly kind: 'needs-body'; readonly maxBytes: number; readonly timeoutMs: number };
  /** For `explain`. */
  readonly field: string;
  judge(facts: RequestFacts): BodyVerdict;
}

/**
 * A request without a body has no value, so only `Absent` holds, and it is never refused. Else the body must be
 * JSON by its Content-Type, unencoded, valid UTF-8 and without a name used twice in one object; otherwise it is
 * unreadable and `onUnreadable` decides. A string compares by its characters; a number, `true`, `false` and
 * `null` by their text as sent (`1.0` is not `1`); an object or array is present and equals nothing.
 */
export function compileBodyMatch(match: BodyMatch, listener: Listener): CompiledBodyMatch {
  const maxBytes = listener.limits.bodyMatchBytes;
  const select = compileJsonPath(match.jsonPath);
  const valueHolds = compileValueMatch(match.value);
  const present = match.value.type === 'Present';
  const unreadable: BodyVerdict = match.onUnreadable === 'Reject' ? 'reject' : 'fails';
  return {
    needsBody: { kind: 'needs-body', maxBytes, timeoutMs: listener.timeouts.bodyMatchMs },
    field: `body ${match.jsonPath} ${describeValue(match.value)}`,
    judge: (facts) => {
      if (!facts.request.hasBody) return valueHolds(undefined) ? 'holds' : 'fails';
      const body = facts.json;
      if (body === 'unknown') return 'needs-body';
      // However the body came in: one that is over the cap is so also when it was all there at once.
      if (body === 'unreadable' || facts.bodySize > maxBytes) return unreadable;
      const value = select(body.value);
      if (value !== undefined && typeof value === 'object') return present ? 'holds' : 'fails';
      return valueHolds(value) ? 'holds' : 'fails';
    },
  };
}
