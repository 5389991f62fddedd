import { canonicalAddress } from '../../api/address.ts';
import type { ActiveCheckSpec, ListenerSpec, PoolSpec, RouteSpec } from '../../api/pool.gen.ts';
import type { LoadBalancerPool } from '../../api/pool.ts';
import type { Problem } from '../../api/problem.ts';
import { hostnamesMeet } from './hostnames.ts';
import { isAttached, type BackendUse } from './backend-uses.ts';
import type { World } from './world.ts';

/** What is wrong with a spec that passed the schema and its rules: those cannot say everything. */
export function specProblems(
  pool: LoadBalancerPool,
  world: World,
  uses: ReadonlyMap<string, BackendUse>,
): Problem[] {
  const { spec } = pool;
  const checks = [
    { check: spec.healthCheck.active, path: 'spec.healthCheck.active' },
    ...spec.backends.map(({ healthCheck }, i) => ({
      check: healthCheck?.active,
      path: `spec.backends[${i}].healthCheck.active`,
    })),
  ];
  return [
    ...(spec.routes ?? []).flatMap((route, i) => strayHostnames(route, spec.listeners, `spec.routes[${i}]`)),
    ...checks.flatMap(({ check, path }) => proberProblem(check, path, { pool, world })),
    ...idleTls(spec, uses),
  ];
}

/** TLS of a backend to which no connection is ever made, not even by its health check. */
function idleTls(spec: PoolSpec, uses: ReadonlyMap<string, BackendUse>): Problem[] {
  return spec.backends.flatMap(({ name, tls, healthCheck }, i): Problem[] => {
    const { udp = false, stream = false } = uses.get(name) ?? {};
    const { type } = healthCheck?.active ?? spec.healthCheck.active ?? {};
    const checkConnects = type === 'TCP' || type === 'HTTP' || type === 'GRPC';
    if (tls === undefined || !udp || stream || checkConnects) return [];
    const message = `only UDP listeners lead to backend ${name}: datagrams are not encrypted`;
    return [{ condition: 'Accepted', reason: 'Invalid', path: `spec.backends[${i}].tls`, message }];
  });
}

/** A backend that nothing leads to is not wrong, but is probably not what was meant. */
export function unusedBackends(spec: PoolSpec, uses: ReadonlyMap<string, BackendUse>): Problem[] {
  return spec.backends.flatMap(({ name }, i): Problem[] => {
    const use = uses.get(name);
    if (use === undefined || use.stream || use.udp) return [];
    const message = `no route and no default leads to backend ${name}`;
    return [{ condition: 'Degraded', reason: 'UnusedBackend', path: `spec.backends[${i}]`, message }];
  });
}

/** Hosts of a route that none of its listeners serves: it would never be taken for them. */
function strayHostnames(route: RouteSpec, listeners: readonly ListenerSpec[], path: string): Problem[] {
  const attached = listeners.filter((listener) => isAttached(route, listener));
  return (route.hostnames ?? []).flatMap((hostname, i): Problem[] => {
    const isServed = attached.some(
      ({ hostnames = [] }) => hostnames.length === 0 || hostnames.some((own) => hostnamesMeet(own, hostname)),
    );
    if (isServed) return [];
    const message = `no listener of the route serves ${hostname}`;
    return [{ condition: 'Accepted', reason: 'Invalid', path: `${path}.hostnames[${i}]`, message }];
  });
}

/** A custom prober is asked by every proxy: it must not become a way to addresses that pools may not reach. */
function proberProblem(
  check: ActiveCheckSpec | undefined,
  path: string,
  { pool, world }: { pool: LoadBalancerPool; world: World },
): Problem[] {
  const url = check?.custom?.url;
  if (url === undefined) return [];
  const invalid = (message: string): Problem[] => [
    { condition: 'Accepted', reason: 'Invalid', path: `${path}.custom.url`, message },
  ];
  if (!URL.canParse(url)) return invalid('must be an absolute http URL');

  const host = new URL(url).hostname.replaceAll(/[[\]]/g, '');
  const address = canonicalAddress(host);
  if (address !== undefined) {
    const range = world.denied.reason(address);
    return range === undefined ? [] : invalid(`${address} is in ${range}, which pools may not reach`);
  }
  const { namespace } = pool.metadata;
  const [name, ...rest] = host.split('.');
  const isOwn = [`${namespace}.svc`, `${namespace}.svc.cluster.local`].includes(rest.join('.'));
  const service = name === undefined || !isOwn ? undefined : world.service(namespace, name);
  if (service === undefined || service.spec.type === 'ExternalName') {
    return invalid(`its host must be an IP address, or a Service of this namespace as name.${namespace}.svc`);
  }
  return [];
}
