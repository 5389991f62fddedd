import type { PoolConfig, PoolSnapshot, Route } from '../../api/snapshot.ts';
import type { EndpointState } from '../state/endpoint-state.ts';
import type { BackendSelector } from '../upstream/backend-selector.ts';
import { PoolUpstreams } from '../upstream/pool-upstreams.ts';
import type { Upstream, UpstreamDeps } from '../upstream/upstream.ts';
import type { PoolRuntime } from './pool-runtime.ts';
import type { PoolChange } from './protocol.ts';

/** A pool in a worker: the snapshot in force, and what lives longer than that. */
export class LivePool implements PoolRuntime {
  readonly #upstreams: PoolUpstreams;
  #snapshot: PoolSnapshot;

  constructor({ pool, slots }: PoolChange, deps: UpstreamDeps) {
    this.#snapshot = pool;
    this.#upstreams = new PoolUpstreams(pool, slots, deps);
  }

  /** Returns the endpoints that are gone. */
  update({ pool, slots }: PoolChange): readonly EndpointState[] {
    this.#snapshot = pool;
    return this.#upstreams.update(pool, slots);
  }

  get snapshot(): PoolSnapshot {
    return this.#snapshot;
  }

  get uid(): string {
    return this.#snapshot.uid;
  }

  get namespace(): string {
    return this.#snapshot.namespace;
  }

  get name(): string {
    return this.#snapshot.name;
  }

  get createdAt(): number {
    return this.#snapshot.createdAt;
  }

  get config(): PoolConfig {
    return this.#snapshot.config;
  }

  get upstreams(): ReadonlyMap<string, Upstream> {
    return this.#upstreams.byBackend;
  }

  selector(route: Pick<Route, 'name'> | undefined): BackendSelector {
    return this.#upstreams.selector(route);
  }
}
