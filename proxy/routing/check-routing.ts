import type { Listener, PoolConfig, RouteMatch } from '../../api/snapshot.ts';
import { normalisePath } from '../http/normalise-path.ts';
import { compileCidrSet } from '../net/cidr-set.ts';
import { compileJsonPath } from './json-path.ts';
import { compilePattern } from './pattern.ts';

/** What makes a table impossible to compile, with its place in the resource. */
export interface RoutingFault {
  readonly path: string;
  readonly message: string;
}

/**
 * Everything in a pool's listeners and routes that would make `compileRouteTable` or `compileL4Routes` throw, or a path
 * that can never match, all of it at once. A proxy asks before it applies a snapshot, so that one it cannot compile is refused with its reasons
 * while the last good one serves.
 */
export function checkRouting(config: PoolConfig): RoutingFault[] {
  const faults: RoutingFault[] = [];
  const attempt = (path: string, compile: () => unknown) => {
    try {
      compile();
    } catch (error) {
      faults.push({ path, message: error instanceof Error ? error.message : String(error) });
    }
  };
  const checkAccess = (path: string, rules: Listener['accessRules'] | undefined) => {
    attempt(`${path}.allowCIDRs`, () => compileCidrSet(rules?.allowCIDRs ?? []));
    attempt(`${path}.denyCIDRs`, () => compileCidrSet(rules?.denyCIDRs ?? []));
  };
  for (const listener of config.listeners)
    checkAccess(`${pathOf(listener)}.accessRules`, listener.accessRules);
  for (const [i, route] of config.routes.entries()) {
    checkAccess(`spec.routes[${i}].accessRules`, route.accessRules);
    for (const [j, match] of route.matches.entries())
      checkMatch(`spec.routes[${i}].matches[${j}]`, match, attempt);
  }
  return faults;
}

/** Where a listener stands in the spec: by name, since a snapshot has them in an order of its own. */
export function pathOf({ name }: Listener): string {
  return `spec.listeners["${name}"]`;
}

function checkMatch(
  path: string,
  match: RouteMatch,
  attempt: (path: string, compile: () => unknown) => void,
): void {
  const checkValue = (at: string, value: { readonly type: string; readonly value?: string }) => {
    if (value.type === 'RegularExpression') attempt(`${at}.value`, () => compilePattern(value.value ?? ''));
  };
  if (match.path !== undefined) {
    checkValue(`${path}.path`, match.path);
    if (match.path.type !== 'RegularExpression')
      attempt(`${path}.path.value`, () => checkPath(match.path!.value));
  }
  for (const list of ['headers', 'queryParams', 'cookies'] as const) {
    for (const [i, named] of match[list].entries()) checkValue(`${path}.${list}[${i}]`, named);
  }
  attempt(`${path}.sourceCIDRs`, () => compileCidrSet(match.sourceCIDRs));
  const { body } = match;
  if (body === undefined) return;
  attempt(`${path}.body.json.path`, () => compileJsonPath(body.jsonPath));
  checkValue(`${path}.body.value`, body.value);
}

function checkPath(value: string): void {
  const normal = normalisePath(value);
  if ('fault' in normal) throw new Error(`no request has this path: ${normal.fault}`);
}
