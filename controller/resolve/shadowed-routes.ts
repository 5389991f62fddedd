import type { Problem } from '../../api/problem.ts';
import type { Listener, PoolConfig, Route } from '../../api/snapshot.ts';
import type { PoolSpec } from '../../api/pool.gen.ts';
import type { PoolIntent } from './resolve-pool.ts';

interface Served {
  readonly intent: PoolIntent;
  readonly served: PoolSpec;
  /** What is left of the intent's configuration beside older pools. */
  readonly config: PoolConfig;
}

/**
 * Routes that lose a tie: another one asks for the same hosts with the same conditions, and goes first because its
 * pool is older or it stands before in the list. By uid of the losing pool.
 * @param pools oldest first
 */
export function shadowedRoutes(pools: readonly Served[]): Map<string, Problem[]> {
  const winners = new Map<string, string>();
  const problems = new Map<string, Problem[]>();
  for (const { intent, served, config } of pools) {
    const lost: Problem[] = [];
    for (const { what, path, keys, isUsedElsewhere } of claimsOf(config, served)) {
      const tie = keys.find(({ key }) => winners.has(key));
      if (tie !== undefined && !isUsedElsewhere) {
        const message = `${winners.get(tie.key)} goes first with the same conditions for ${tie.where}`;
        lost.push({ condition: 'Degraded', reason: 'RouteShadowed', path, message });
      }
      const name = `${what} of pool ${intent.namespace}/${intent.name}`;
      for (const { key } of keys) if (!winners.has(key)) winners.set(key, name);
    }
    if (lost.length > 0) problems.set(intent.uid, lost);
  }
  return problems;
}

interface Claim {
  readonly what: string;
  readonly path: string;
  /** One for each host and match on each listener: two claims with the same key are after the same requests. */
  readonly keys: readonly { readonly key: string; readonly where: string }[];
  /** It has a meaning beside this one: losing it is nothing to tell. */
  readonly isUsedElsewhere: boolean;
}

/** What a pool's routes ask for, and its defaults: those come last on every listener, but only once. */
function claimsOf({ routes, listeners, defaultBackendRefs }: PoolConfig, served: PoolSpec): Claim[] {
  const claims = routes.map((route): Claim => {
    const matches = route.matches.length > 0 ? route.matches : [{}];
    return {
      what: `route ${route.name}`,
      path: `spec.routes[${served.routes?.findIndex(({ name }) => name === route.name) ?? 0}]`,
      keys: listeners
        .filter((listener) => isAttached(route, listener))
        .flatMap((listener) => keysOf(listener, route.hostnames, matches)),
      isUsedElsewhere: false,
    };
  });
  if (defaultBackendRefs.length === 0) return claims;
  const keys = listeners.flatMap((listener) => keysOf(listener, [], ['defaults']));
  const isUsedElsewhere = (served.routes ?? []).some(({ backendRefs }) => backendRefs === undefined);
  return [...claims, { what: 'defaultBackendRefs', path: 'spec.defaultBackendRefs', keys, isUsedElsewhere }];
}

function keysOf(
  { protocol, address = '', port, hostnames: own }: Listener,
  hostnames: readonly string[],
  matches: readonly unknown[],
): { key: string; where: string }[] {
  const hosts = hostnames.length > 0 ? hostnames : own;
  return (hosts.length > 0 ? hosts : ['*']).flatMap((host) => {
    const where = `${host === '*' ? 'every host' : host} on port ${port}`;
    const place = [protocol === 'UDP' ? 'udp' : 'tcp', address, port, host];
    const keys = new Set(matches.map((match) => JSON.stringify([...place, match])));
    return [...keys].map((key) => ({ key, where }));
  });
}

function isAttached({ listeners }: Route, { name, protocol }: Listener): boolean {
  return listeners.length === 0 ? protocol === 'HTTP' || protocol === 'HTTPS' : listeners.includes(name);
}
