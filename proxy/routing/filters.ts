import type { Filter, PathModifier } from '../../api/snapshot.ts';
import { compileHeaderEdit, type HeaderEdit } from './header-edit.ts';
import type { Redirect } from './redirect.ts';

/** What a route does to the messages it takes, ready for use. */
export interface RouteFilters {
  readonly request: HeaderEdit | undefined;
  readonly response: HeaderEdit | undefined;
  readonly rewrite: { readonly hostname?: string; readonly path?: PathModifier } | undefined;
  /** Answers by itself; see `redirectLocation`. */
  readonly redirect: Redirect | undefined;
  /** Answers by itself, with this. */
  readonly direct: Extract<Filter, { type: 'DirectResponse' }> | undefined;
}

const NONE: RouteFilters = {
  request: undefined,
  response: undefined,
  rewrite: undefined,
  redirect: undefined,
  direct: undefined,
};

/** A route has at most one rewrite, redirect or direct response, which validation sees to. */
export function compileFilters(filters: readonly Filter[]): RouteFilters {
  if (filters.length === 0) return NONE;
  return {
    request: compileHeaderEdit(filters.filter((filter) => filter.type === 'RequestHeaderModifier')),
    response: compileHeaderEdit(filters.filter((filter) => filter.type === 'ResponseHeaderModifier')),
    rewrite: filters.find((filter) => filter.type === 'URLRewrite'),
    redirect: filters.find((filter) => filter.type === 'RequestRedirect'),
    direct: filters.find((filter) => filter.type === 'DirectResponse'),
  };
}
