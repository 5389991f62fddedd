import type { AcceptedReason, DegradedReason, ResolvedRefsReason } from './conditions.ts';

/** Something that a person has to know about a pool: which condition it belongs to, why, where and what. */
export type Problem = {
  /** Field of the pool, such as `spec.backends[0].service.port`. */
  readonly path: string;
  /** For a person; one line, without the path. */
  readonly message: string;
} & (
  | { readonly condition: 'Accepted'; readonly reason: AcceptedReason }
  | { readonly condition: 'ResolvedRefs'; readonly reason: ResolvedRefsReason }
  | { readonly condition: 'Degraded'; readonly reason: DegradedReason }
);
