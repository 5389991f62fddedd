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
    for (const route of config.routes) {
      const name = `route ${route.name} of pool ${intent.namespace}/${intent.name}`;
      const claims = claimsOf(route, config.listeners);
      const tie = claims.find(({ key }) => winners.has(key));
      if (tie !== undefined) {
        const i = served.routes?.findIndex((spec) => spec.name === route.name) ?? 0;
        const message = `${winners.get(tie.key)} goes first with the same conditions for ${tie.where}`;
        lost.push({ condition: 'Degraded', reason: 'RouteShadowed', path: `spec.routes[${i}]`, message });
      }
      for (const { key } of claims) if (!winners.has(key)) winners.set(key, name);
    }
    if (lost.length > 0) problems.set(intent.uid, lost);
  }
  return problems;
}

/** One for each host and match of a route on each of its listeners. */
function claimsOf(route: Route, listeners: readonly Listener[]): { key: string; where: string }[] {
  const matches = route.matches.length > 0 ? route.matches : [{}];
  return listeners
    .filter((listener) => isAttached(route, listener))
    .flatMap((listener) => {
      const own = route.hostnames.length > 0 ? route.hostnames : listener.hostnames;
      const transport = listener.protocol === 'UDP' ? 'udp' : 'tcp';
      return (own.length > 0 ? own : ['*']).flatMap((host) => {
        const where = `${host === '*' ? 'every host' : host} on port ${listener.port}`;
        const place = [transport, listener.address ?? '', listener.port, host];
        return [...new Set(matches.map((match) => JSON.stringify([...place, match])))].map((key) => ({
          key,
          where,
        }));
      });
    });
}

function isAttached({ listeners }: Route, { name, protocol }: Listener): boolean {
  return listeners.length === 0 ? protocol === 'HTTP' || protocol === 'HTTPS' : listeners.includes(name);
}
