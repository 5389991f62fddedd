import type { ListenerSpec, PoolSpec, RouteSpec } from '../../api/pool.gen.ts';

/** How the listeners that lead to a backend will speak to it. */
export interface BackendUse {
  http: boolean;
  /** TCP, TLS, HTTP or HTTPS. */
  stream: boolean;
  udp: boolean;
}

/** By backend name, every backend of the pool; one that nothing leads to has no use. */
export function backendUses(spec: PoolSpec): Map<string, BackendUse> {
  const uses = new Map(spec.backends.map(({ name }) => [name, { http: false, stream: false, udp: false }]));
  for (const listener of spec.listeners) {
    const routes = (spec.routes ?? []).filter((route) => isAttached(route, listener));
    const refs = routes.flatMap((route) => route.backendRefs ?? spec.defaultBackendRefs ?? []);
    if (!routes.some((route) => takesEverything(route))) refs.push(...(spec.defaultBackendRefs ?? []));
    for (const { name } of refs) {
      const use = uses.get(name);
      if (use === undefined) continue;
      use.http ||= isHttp(listener);
      use.stream ||= listener.protocol !== 'UDP';
      use.udp ||= listener.protocol === 'UDP';
    }
  }
  return uses;
}

/** A route that names no listeners belongs to every HTTP and HTTPS listener. */
export function isAttached(route: RouteSpec, listener: ListenerSpec): boolean {
  return route.listeners === undefined ? isHttp(listener) : route.listeners.includes(listener.name);
}

function isHttp({ protocol }: ListenerSpec): boolean {
  return protocol === 'HTTP' || protocol === 'HTTPS';
}

function takesEverything({ matches = [], hostnames = [] }: RouteSpec): boolean {
  return matches.length === 0 && hostnames.length === 0;
}
