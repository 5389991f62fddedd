import type { PoolSnapshot, Route } from '../../api/snapshot.ts';
import type { PoolSlots } from '../health/health-monitor.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import { BackendSelector } from './backend-selector.ts';
import { CookieAffinity } from './affinity.ts';
import { Upstream, type UpstreamDeps } from './upstream.ts';

/**
 * The upstreams of one pool in one worker, and a selector for each list of backend refs in it. A snapshot updates
 * both in place: endpoints that stay keep their state, upstreams their round-robin place, selectors their failover.
 */
export class PoolUpstreams {
  readonly #deps: UpstreamDeps;
  readonly #upstreams = new Map<string, Upstream>();
  /** By the route's name. */
  readonly #routes = new Map<string, BackendSelector>();
  readonly #default: BackendSelector;
  #affinity: CookieAffinity | undefined;

  constructor(pool: PoolSnapshot, slots: PoolSlots, deps: UpstreamDeps) {
    this.#deps = deps;
    this.#default = new BackendSelector([], this.#upstreams, pool.config, deps);
    this.update(pool, slots);
  }

  /** By backend name. */
  get byBackend(): ReadonlyMap<string, Upstream> {
    return this.#upstreams;
  }

  /** Undefined: the pool binds no clients. */
  get affinity(): CookieAffinity | undefined {
    return this.#affinity;
  }

  /** What serves the requests that this route takes; of those no route takes, when undefined. */
  selector(route: Pick<Route, 'name'> | undefined): BackendSelector {
    return route === undefined ? this.#default : (this.#routes.get(route.name) ?? this.#default);
  }

  /** Returns the endpoints that are gone: nothing new comes to them. */
  update({ uid, config, endpoints }: PoolSnapshot, slots: PoolSlots): readonly EndpointState[] {
    const gone: EndpointState[] = [];
    for (const [name, upstream] of this.#upstreams) {
      if (config.backends.some((backend) => backend.name === name)) continue;
      gone.push(...upstream.remove());
      this.#upstreams.delete(name);
    }
    for (const backend of config.backends) {
      const { upstream: slot, endpoints: endpointSlots } = slots[backend.name]!;
      const next = {
        backend,
        endpoints: endpoints[backend.name] ?? [],
        slots: endpointSlots,
        loadBalancing: config.loadBalancing,
      };
      const known = this.#upstreams.get(backend.name);
      if (known === undefined) {
        this.#upstreams.set(backend.name, new Upstream(uid, slot, next, this.#deps));
      } else {
        gone.push(...known.update(next));
      }
    }
    const { sessionAffinity } = config;
    this.#affinity =
      sessionAffinity.type === 'Cookie' ? new CookieAffinity(uid, sessionAffinity.cookie) : undefined;
    this.#default.update(config.defaultBackendRefs, this.#upstreams, config);
    for (const name of this.#routes.keys()) {
      if (!config.routes.some((route) => route.name === name)) this.#routes.delete(name);
    }
    for (const { name, backendRefs } of config.routes) {
      const refs = backendRefs.length > 0 ? backendRefs : config.defaultBackendRefs;
      const known = this.#routes.get(name);
      if (known !== undefined) known.update(refs, this.#upstreams, config);
      else this.#routes.set(name, new BackendSelector(refs, this.#upstreams, config, this.#deps));
    }
    return gone;
  }

  /** The pool is gone. */
  remove(): void {
    for (const upstream of this.#upstreams.values()) upstream.remove();
  }
}
