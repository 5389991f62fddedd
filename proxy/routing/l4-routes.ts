import { type CidrSet, compileCidrSet, parseAddress } from '../net/cidr-set.ts';
import { type HostIndex, indexByHost, listenerHostnames } from './host-index.ts';
import { compareRules } from './precedence.ts';
import { expandRules, type RouteEntry, type RoutedPool, type RouteSource, type RuleSpec } from './rule.ts';

interface L4Rule<P extends RoutedPool, T> {
  readonly spec: RuleSpec<P>;
  readonly payload: T;
  /** Absent: every client. */
  readonly sources: CidrSet | undefined;
}

interface SourceTable<P extends RoutedPool, T> {
  readonly rules: readonly L4Rule<P, T>[];
  wider: SourceTable<P, T> | undefined;
}

/** The routes of one TCP, UDP or TLS port, immutable. */
export class L4RouteTable<P extends RoutedPool, T> {
  readonly #hosts: HostIndex<SourceTable<P, T>>;

  constructor(hosts: HostIndex<SourceTable<P, T>>) {
    this.#hosts = hosts;
  }

  /**
   * What takes a client: the most specific hostname (TLS only: `serverName` is the SNI in lower case, empty without
   * one), then the longest prefix in `sourceCIDRs`, then a route without any, then the pool's defaults. Undefined: nobody.
   */
  lookup(clientAddress: string, serverName = ''): T | undefined {
    const address = parseAddress(clientAddress);
    for (let host = this.#hosts.find(serverName); host !== undefined; host = host.wider) {
      for (const rule of host.rules) {
        if (rule.sources === undefined) return rule.payload;
        if (address !== undefined && rule.sources.has(address)) return rule.payload;
      }
    }
    return undefined;
  }
}

/**
 * The table for one port: one listener, or those of several pools that share a TLS port by SNI. `payload` is called
 * once for each route, and for a pool's defaults, on each listener.
 */
export function compileL4Routes<P extends RoutedPool, T>(
  entries: readonly RouteEntry<P>[],
  payload: (source: RouteSource<P>) => T,
): L4RouteTable<P, T> {
  const payloads = new Map<RouteSource<P>, T>();
  const rules = entries
    .flatMap((entry) => expandRules(entry))
    .map((spec): L4Rule<P, T> => {
      if (!payloads.has(spec.source)) payloads.set(spec.source, payload(spec.source));
      return {
        spec,
        payload: payloads.get(spec.source)!,
        sources: spec.sourcePrefixLength < 0 ? undefined : compileCidrSet(spec.sourceCIDRs),
      };
    });
  rules.sort((a, b) => compareRules(a.spec, b.spec));
  const owners = listenerHostnames(entries.map(({ listener }) => listener));
  return new L4RouteTable(
    indexByHost(rules, owners, (owned): SourceTable<P, T> => ({ rules: owned, wider: undefined })),
  );
}
