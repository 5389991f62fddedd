import { isDeepStrictEqual } from 'node:util';
import type { AcceptedReason } from '../../api/conditions.ts';
import type { PoolSpec } from '../../api/pool.gen.ts';
import type { Problem } from '../../api/problem.ts';
import type { Listener, PoolConfig, Route } from '../../api/snapshot.ts';
import { OPEN_CLASS, isHostnameAllowed, isPortAllowed, type ClassPolicy } from './class-policy.ts';
import { PortClaims, type Claim } from './port-claims.ts';
import type { PoolIntent } from './resolve-pool.ts';
import { shadowedRoutes } from './shadowed-routes.ts';

/** A pool that wants to be served: part of what resolve says of it. */
export interface Contender {
  readonly intent: PoolIntent;
  /** What the intent is made of, for the paths of problems. */
  readonly served: PoolSpec;
}

export interface Settled {
  /** What the pool may serve; absent when that is nothing. The intent's own where nothing was taken away. */
  readonly config?: PoolConfig;
  readonly problems: readonly Problem[];
}

/** By pool uid, every contender. */
export type Settlement = ReadonlyMap<string, Settled>;

/** Settles the conflicts of a class; the last result is returned again while no pool's configuration changes. */
export function createSettler(
  policy: ClassPolicy = OPEN_CLASS,
): (contenders: readonly Contender[]) => Settlement {
  let settlement: Settlement = new Map();
  let configs = new Map<string, PoolConfig>();
  return (contenders) => {
    const isSame =
      contenders.length === configs.size &&
      contenders.every(({ intent }) => configs.get(intent.uid) === intent.config);
    if (!isSame) {
      settlement = settleConflicts(contenders, policy);
      configs = new Map(contenders.map(({ intent }) => [intent.uid, intent.config]));
    }
    return settlement;
  };
}

/**
 * Shares the ports of a class among its pools. The older pool wins, and of two of the same second the one whose
 * namespace and name come first, so every controller decides alike and nothing flips on a restart:
 *
 * 1. A TCP or UDP port belongs to one pool.
 * 2. HTTP, HTTPS and TLS ports are shared by pools with the same protocol and the same settings that bind a
 *    connection before its host is known.
 * 3. On such a port a host name belongs to the namespace of the oldest pool that has it, a wildcard with all that it
 *    covers, and no host names at all to everything.
 * 4. A host name of an HTTPS port has the TLS of the oldest listener that has it; one of a TLS port leads to that one
 *    alone.
 *
 * A pool loses only what it cannot have.
 */
export function settleConflicts(
  contenders: readonly Contender[],
  policy: ClassPolicy = OPEN_CLASS,
): Settlement {
  const claims = new Map<string, PortClaims>();
  const oldestFirst = contenders.toSorted(byAge);
  const shares = oldestFirst.map((contender) => ({ ...contender, ...claim(contender, claims, policy) }));
  const shadowed = shadowedRoutes(
    shares.flatMap(({ intent, served, config }) =>
      config === undefined ? [] : [{ intent, served, config }],
    ),
  );
  return new Map(
    shares.map(({ intent, config, problems }) => [
      intent.uid,
      {
        ...(config === undefined ? {} : { config }),
        problems: [...problems, ...(shadowed.get(intent.uid) ?? [])],
      },
    ]),
  );
}

/** Takes what is free for a pool, and notes it in `claims`. */
function claim({ intent, served }: Contender, claims: Map<string, PortClaims>, policy: ClassPolicy): Settled {
  const kept: Listener[] = [];
  const losses: Loss[] = [];
  for (const listener of intent.config.listeners) {
    const rivals = claims.get(portOf(listener)) ?? new PortClaims();
    claims.set(portOf(listener), rivals);
    const outcome = judge(listener, { intent, rivals, policy });
    losses.push(...outcome.losses);
    if (outcome.listener === undefined) continue;
    kept.push(outcome.listener);
    rivals.add({ listener: outcome.listener, pool: intent });
  }
  if (losses.length === 0) return { config: intent.config, problems: [] };
  const config = prune(intent.config, kept);
  const problems = losses.map((loss) => toProblem(loss, { served, before: intent.config, after: config }));
  return kept.length === 0 ? { problems } : { config, problems };
}

interface Loss {
  readonly listener: Listener;
  /** Absent: the whole listener. */
  readonly hostname?: string;
  readonly reason: AcceptedReason;
  readonly message: string;
}

interface Rivalry {
  readonly intent: PoolIntent;
  readonly rivals: PortClaims;
  readonly policy: ClassPolicy;
}

function byAge({ intent: a }: Contender, { intent: b }: Contender): number {
  return a.createdAt - b.createdAt || (nameOf(a) < nameOf(b) ? -1 : 1);
}

function nameOf({ namespace, name }: PoolIntent): string {
  return `${namespace}/${name}`;
}

function portOf({ protocol, port }: Listener): string {
  return `${protocol === 'UDP' ? 'udp' : 'tcp'}/${port}`;
}

/** What is left of a listener beside the claims of older pools on its port. */
function judge(listener: Listener, rivalry: Rivalry): { listener?: Listener; losses: Loss[] } {
  const whole = wholeLoss(listener, rivalry);
  if (whole !== undefined) return { losses: [{ listener, ...whole }] };

  const losses: Loss[] = [];
  const isHosted = listener.protocol !== 'TCP' && listener.protocol !== 'UDP';
  const wanted: readonly (string | undefined)[] =
    listener.hostnames.length > 0 ? listener.hostnames : [undefined];
  const kept = wanted.filter((hostname) => {
    const loss = isHosted ? hostnameLoss(hostname, listener, rivalry) : undefined;
    if (loss !== undefined)
      losses.push({ listener, ...(hostname === undefined ? {} : { hostname }), ...loss });
    return loss === undefined;
  });
  if (kept.length === 0) return { losses };
  if (losses.length === 0) return { listener, losses };
  return { listener: { ...listener, hostnames: kept.filter((name) => name !== undefined) }, losses };
}

type Reason = Pick<Loss, 'reason' | 'message'>;

function wholeLoss(
  { protocol, port, ...own }: Listener,
  { intent, rivals, policy }: Rivalry,
): Reason | undefined {
  if (!isPortAllowed(policy, intent.namespace, port)) {
    const message = `the class does not give port ${port} to namespace ${intent.namespace}`;
    return { reason: 'PortNotAllowed', message };
  }
  for (const { listener: older, pool } of rivals.addresses()) {
    const isSame = own.address === older.address;
    if (!isSame && !isWildcard(own.address) && !isWildcard(older.address)) continue;
    const isShareable = protocol !== 'TCP' && protocol !== 'UDP' && protocol === older.protocol && isSame;
    if (!isShareable) {
      const message = `port ${port} belongs to the older pool ${nameOf(pool)}, as ${older.protocol}`;
      return { reason: 'PortConflict', message };
    }
    const differing = AGREED.filter((field) => !isDeepStrictEqual(own[field], older[field]));
    if (differing.length > 0) {
      const message = `port ${port} is shared with the older pool ${nameOf(pool)}, whose ${differing.join(', ')} have to be the same`;
      return { reason: 'ListenerConflict', message };
    }
  }
  return undefined;
}

/** These bind a connection before it is known which host, and so which pool, it is for. */
const AGREED = ['proxyProtocol', 'clientIP', 'limits', 'timeouts'] as const;

function isWildcard(address: string | undefined): boolean {
  return address === undefined || address === '0.0.0.0' || address === '::';
}

function hostnameLoss(
  hostname: string | undefined,
  { port, protocol, tls }: Listener,
  { intent, rivals, policy }: Rivalry,
): Reason | undefined {
  const { namespace } = intent;
  const what = hostname ?? 'every host';
  if (!isHostnameAllowed(policy, { namespace, port, hostname })) {
    const message = `the class does not give ${what} on port ${port} to namespace ${namespace}`;
    return { reason: 'HostnameNotAllowed', message };
  }
  const owner = rivals.owner(hostname, namespace);
  if (owner !== undefined) {
    const message = `${what} on port ${port} belongs to namespace ${owner.pool.namespace}, by the older pool ${nameOf(owner.pool)}`;
    return { reason: 'HostnameConflict', message };
  }
  const twin = rivals.twin(hostname);
  if (twin === undefined) return undefined;
  if (protocol === 'TLS') {
    const message = `${what} on port ${port} leads to ${placeOf(twin, intent)}: a connection looks at nothing else`;
    return { reason: 'HostnameConflict', message };
  }
  if (isDeepStrictEqual(termsOf(tls), termsOf(twin.listener.tls))) return undefined;
  const message = `${what} on port ${port} is shared with ${placeOf(twin, intent)}, whose tls has to be the same`;
  return { reason: 'ListenerConflict', message };
}

function placeOf({ pool, listener }: Claim, { uid }: PoolIntent): string {
  return pool.uid === uid ? `listener ${listener.name} too` : `the older pool ${nameOf(pool)}`;
}

/** What a handshake is settled by: one host name has one certificate and one policy. */
function termsOf(tls: Listener['tls']): unknown {
  if (tls?.mode !== 'Terminate') return tls?.mode;
  const { certificates, minVersion, cipherPolicy, clientValidation } = tls;
  return [certificates.map(({ secret }) => secret), minVersion, cipherPolicy, clientValidation];
}

/** The configuration with only these listeners, and without routes that have none left. */
function prune(config: PoolConfig, listeners: readonly Listener[]): PoolConfig {
  const names = new Set(listeners.map(({ name }) => name));
  const hasHttp = listeners.some(({ protocol }) => protocol === 'HTTP' || protocol === 'HTTPS');
  const routes: Route[] = [];
  for (const route of config.routes) {
    const left = route.listeners.filter((name) => names.has(name));
    if (route.listeners.length === 0 ? hasHttp : left.length > 0) routes.push({ ...route, listeners: left });
  }
  return { ...config, listeners, routes };
}

function toProblem(
  { listener, hostname, reason, message }: Loss,
  { served, before, after }: { served: PoolSpec; before: PoolConfig; after: PoolConfig },
): Problem {
  const i = served.listeners.findIndex(({ name }) => name === listener.name);
  const spec = served.listeners[i];
  const field = hostname === undefined ? 'port' : `hostnames[${spec?.hostnames?.indexOf(hostname) ?? 0}]`;
  const kept = new Set(after.routes.map(({ name }) => name));
  const lost = before.routes.filter(
    (route) => !kept.has(route.name) && route.listeners.includes(listener.name),
  );
  const suffix = lost.length === 0 ? '' : `; not served: routes ${lost.map(({ name }) => name).join(', ')}`;
  return {
    condition: 'Accepted',
    reason,
    path: `spec.listeners[${i}].${field}`,
    message: `${message}${suffix}`,
  };
}
