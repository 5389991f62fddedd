import { addressKey } from '../balancer/hash-key.ts';
import { hashes } from '../balancer/registry.ts';
import { type DialLimits, furtherConnects } from '../conn/dial-plan.ts';
import type { PortView } from '../listen/port-handler.ts';
import type { RouteMeter } from '../observe/traffic-meter.ts';
import { compileL4Routes } from '../routing/l4-routes.ts';
import type { BackendSelector } from '../upstream/backend-selector.ts';
import type { WaitLimits } from '../upstream/wait-queue.ts';
import type { WorkerContext } from '../worker/context.ts';
import type { PoolRuntime } from '../worker/pool-runtime.ts';

/** Where the sessions of one route, or of those that no route takes, go. */
export interface L4Target {
  readonly pool: PoolRuntime;
  readonly selector: BackendSelector;
  readonly meter: RouteMeter;
  readonly dialLimits: DialLimits;
  /** Sessions of one endpoint, over all workers; Infinity: no limit. */
  readonly maxInFlight: number;
  /** Undefined: who finds every endpoint full is turned away. */
  readonly queue: WaitLimits | undefined;
  /** Version of the PROXY protocol header that endpoints get; undefined: none. */
  readonly proxyOut: 'V1' | 'V2' | undefined;
  /** What the pool's algorithm hashes; undefined: nothing. */
  readonly hashKey: ((clientAddress: string) => number) | undefined;
}

export interface L4Targets {
  /** Is the client's address asked for, by a route or to be hashed? Reading it costs a system call. */
  readonly needAddress: boolean;
  /** Undefined: nobody takes this client. */
  lookup(clientAddress: string, serverName?: string): L4Target | undefined;
}

export function compileL4Targets(view: PortView, { traffic }: WorkerContext): L4Targets {
  const table = compileL4Routes(view.entries, ({ pool, route }): L4Target => {
    const { resilience, loadBalancing } = pool.config;
    const { timeouts, retries, limits, connectHedgeDelayMs } = resilience;
    return {
      pool,
      selector: pool.selector(route),
      meter: traffic.route(`${pool.namespace}/${pool.name}`, route?.name ?? ''),
      dialLimits: {
        connectMs: timeouts.connectMs,
        hedgeDelayMs: connectHedgeDelayMs,
        retries: furtherConnects(0, retries),
      },
      maxInFlight: Math.min(
        limits.maxConnectionsPerEndpoint ?? Number.POSITIVE_INFINITY,
        limits.maxRequestsPerEndpoint ?? Number.POSITIVE_INFINITY,
      ),
      queue: limits.queue,
      proxyOut: pool.config.backendProxyProtocol,
      hashKey: hashes(loadBalancing.algorithm) ? addressKey : undefined,
    };
  });
  return {
    needAddress: view.entries.some(({ pool: { config } }) => {
      const bySource = ({ matches }: (typeof config.routes)[number]): boolean =>
        matches.some(({ sourceCIDRs }) => sourceCIDRs.length > 0);
      return hashes(config.loadBalancing.algorithm) || config.routes.some(bySource);
    }),
    lookup: (clientAddress, serverName) => table.lookup(clientAddress, serverName),
  };
}
