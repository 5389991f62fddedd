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
  #last: PoolChange;

  constructor(change: PoolChange, deps: UpstreamDeps) {
    this.#last = change;
    this.#upstreams = new PoolUpstreams(change.pool, change.slots, deps);
  }

  /** Returns the endpoints that are gone. */
  update(change: PoolChange): readonly EndpointState[] {
    this.#last = change;
    return this.#upstreams.update(change.pool, change.slots);
  }

  /** No configuration names it any more. */
  remove(): void {
    this.#upstreams.remove();
  }

  /** What it serves now. */
  get last(): PoolChange {
    return this.#last;
  }

  get snapshot(): PoolSnapshot {
    return this.#last.pool;
  }

  get uid(): string {
    return this.#last.pool.uid;
  }

  get namespace(): string {
    return this.#last.pool.namespace;
  }

  get name(): string {
    return this.#last.pool.name;
  }

  get createdAt(): number {
    return this.#last.pool.createdAt;
  }

  get config(): PoolConfig {
    return this.#last.pool.config;
  }

  get upstreams(): ReadonlyMap<string, Upstream> {
    return this.#upstreams.byBackend;
  }

  selector(route: Pick<Route, 'name'> | undefined): BackendSelector {
    return this.#upstreams.selector(route);
  }
}
