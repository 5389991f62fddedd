import type {
  BackendRefSpec,
  BodyMatchSpec,
  HeaderModifier,
  FilterSpec,
  PathModifierSpec,
  RateLimitSpec,
  RequestRedirect,
  RouteMatchSpec,
  RouteSpec,
} from '../../api/pool.gen.ts';
import type {
  BackendRef,
  BodyMatch,
  Filter,
  HeaderChanges,
  NamedMatch,
  PathModifier,
  RateLimit,
  Route,
  RouteMatch,
  ValueMatch,
} from '../../api/snapshot.ts';
import { UNION_DEFAULTS } from '../../api/union-defaults.gen.ts';
import { canonicalRanges, resolveAccessRules } from './listeners.ts';
import { durationMs } from './units.ts';

/**
 * A route with its units normalised and in canonical order, as far as order means nothing: matches and filters keep
 * theirs. The spec has passed validation.
 */
export function resolveRoute(spec: RouteSpec, defaultBackendRefs: readonly BackendRefSpec[]): Route {
  const { name, listeners = [], hostnames = [], matches = [], filters = [], timeouts = {} } = spec;
  const asksNobody = filters.some(({ type }) => type === 'RequestRedirect' || type === 'DirectResponse');
  return {
    name,
    listeners: listeners.toSorted(),
    hostnames: hostnames.toSorted(),
    matches: matches.map((match) => resolveMatch(match)),
    backendRefs: asksNobody ? [] : resolveRefs(spec.backendRefs ?? defaultBackendRefs),
    timeouts: {
      ...(timeouts.request === undefined ? {} : { requestMs: durationMs(timeouts.request) }),
      ...(timeouts.backendRequest === undefined
        ? {}
        : { backendRequestMs: durationMs(timeouts.backendRequest) }),
    },
    ...(spec.rateLimit === undefined ? {} : { rateLimit: resolveRateLimit(spec.rateLimit) }),
    filters: filters.map((filter) => resolveFilter(filter)),
    ...(spec.accessRules === undefined ? {} : { accessRules: resolveAccessRules(spec.accessRules) }),
  };
}

/** The best priority first. */
export function resolveRefs(refs: readonly BackendRefSpec[]): BackendRef[] {
  return refs
    .map(({ name, weight, priority }) => ({ name, weight, priority }))
    .toSorted((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1));
}

function resolveMatch(spec: RouteMatchSpec): RouteMatch {
  return {
    ...(spec.path === undefined ? {} : { path: { type: spec.path.type, value: spec.path.value } }),
    methods: (spec.methods ?? []).toSorted(),
    headers: resolveNamed(spec.headers),
    queryParams: resolveNamed(spec.queryParams),
    cookies: resolveNamed(spec.cookies),
    sourceCIDRs: canonicalRanges(spec.sourceCIDRs),
    ...(spec.body === undefined ? {} : { body: resolveBodyMatch(spec.body) }),
  };
}

interface ValueSpec {
  readonly type: ValueMatch['type'];
  readonly value?: string;
}

function resolveNamed(specs: readonly (ValueSpec & { readonly name: string })[] = []): NamedMatch[] {
  return specs
    .map((spec) => ({ name: spec.name, ...resolveValue(spec) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function resolveValue({ type, value = '' }: ValueSpec): ValueMatch {
  return type === 'Present' || type === 'Absent' ? { type } : { type, value };
}

function resolveBodyMatch({ type, json, value, onUnreadable }: BodyMatchSpec): BodyMatch {
  return { type, jsonPath: json?.path ?? '$', value: resolveValue(value), onUnreadable };
}

function resolveRateLimit({ requests, per, burst = requests, key }: RateLimitSpec): RateLimit {
  const by = key.header === undefined ? undefined : key.header.name;
  return {
    requests,
    perMs: durationMs(per),
    burst,
    key: by === undefined ? { type: 'ClientIP' } : { type: 'Header', name: by },
  };
}

function resolveFilter(spec: FilterSpec): Filter {
  switch (spec.type) {
    case 'RequestHeaderModifier':
      return { type: spec.type, ...resolveChanges(spec.requestHeaderModifier) };
    case 'ResponseHeaderModifier':
      return { type: spec.type, ...resolveChanges(spec.responseHeaderModifier) };
    case 'URLRewrite': {
      const { hostname, path } = spec.urlRewrite ?? {};
      return {
        type: spec.type,
        ...(hostname === undefined ? {} : { hostname }),
        ...(path === undefined ? {} : { path: resolvePathModifier(path) }),
      };
    }
    case 'RequestRedirect':
      return resolveRedirect(spec.requestRedirect ?? UNION_DEFAULTS.RequestRedirect);
    case 'DirectResponse':
      return { type: spec.type, statusCode: 200, ...spec.directResponse };
  }
}

function resolveChanges({ set = [], add = [], remove = [] }: HeaderModifier = {}): HeaderChanges {
  return {
    set: set.map(({ name, value }) => ({ name, value })),
    add: add.map(({ name, value }) => ({ name, value })),
    remove: remove.toSorted(),
  };
}

function resolveRedirect({ scheme, hostname, path, port, statusCode }: RequestRedirect): Filter {
  return {
    type: 'RequestRedirect',
    ...(scheme === undefined ? {} : { scheme }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(path === undefined ? {} : { path: resolvePathModifier(path) }),
    ...(port === undefined ? {} : { port }),
    statusCode,
  };
}

function resolvePathModifier({ type, replaceFullPath, replacePrefixMatch }: PathModifierSpec): PathModifier {
  return { type, value: replaceFullPath ?? replacePrefixMatch ?? '/' };
}
