import { type CidrSet, compileCidrSet, parseAddress } from '../net/cidr-set.ts';
import { type HostIndex, indexByHost, listenerHostnames } from './host-index.ts';
import { compareRules } from './precedence.ts';
import { expandRules, type RouteEntry, type RoutedPool, type RouteSource, type RuleSpec } from './rule.ts';

interface L4Rule<T> {
  readonly payload: T;
  /** Absent: every client. */
  readonly sources: CidrSet | undefined;
}

interface SourceTable<T> {
  readonly rules: readonly L4Rule<T>[];
  wider: SourceTable<T> | undefined;
}

/** The routes of one TCP, UDP or TLS port, immutable. */
export class L4RouteTable<T> {
  readonly #hosts: HostIndex<SourceTable<T>>;

  constructor(hosts: HostIndex<SourceTable<T>>) {
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
): L4RouteTable<T> {
  const payloads = new Map<RouteSource<P>, T>();
  const compile = ({ source, sourceCIDRs, sourcePrefixLength }: RuleSpec<P>): L4Rule<T> => {
    if (!payloads.has(source)) payloads.set(source, payload(source));
    const sources = sourcePrefixLength < 0 ? undefined : compileCidrSet(sourceCIDRs);
    return { payload: payloads.get(source)!, sources };
  };
  const specs = entries.flatMap((entry) => expandRules(entry)).toSorted(compareRules);
  const owners = listenerHostnames(entries.map(({ listener }) => listener));
  const build = (owned: readonly RuleSpec<P>[]): SourceTable<T> => ({
    rules: owned.map((spec) => compile(spec)),
    wider: undefined,
  });
  return new L4RouteTable(indexByHost(specs, owners, build));
}
