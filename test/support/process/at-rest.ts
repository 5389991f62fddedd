import type { ProxyLoad } from '../../../proxy/observe/load.ts';

/** Holds a proxy nothing but idle connections to backends, each with its timeout? */
export function isAtRest({ workers, endpoints, queues }: ProxyLoad): boolean {
  const rest = workers.map(({ worker, idleBackends }) => ({
    worker,
    connections: 0,
    requests: 0,
    waiting: 0,
    backends: idleBackends,
    idleBackends,
    abandonedConnects: 0,
    deadlines: idleBackends,
  }));
  return endpoints.length === 0 && queues.length === 0 && JSON.stringify(workers) === JSON.stringify(rest);
}
