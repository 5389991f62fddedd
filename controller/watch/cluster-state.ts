import { WEIGHT_ANNOTATION } from '../../api/conditions.ts';
import type { Newest } from '../../api/pool-update.ts';
import type { KubeClient } from '../kube/client.ts';
import { definitionStands } from '../kube/definition.ts';
import { ListWatch, type ListWatchOptions } from '../kube/list-watch.ts';
import { ENDPOINT_SLICES, PODS, POOLS, resourcePath, SERVICES } from '../kube/objects.ts';
import type { EndpointSlice, Service } from '../resolve/world.ts';
import { Credentials } from './credentials.ts';
import { credentialsOf, Dependents, servicesOf } from './dependents.ts';
import { PoolRemovals } from './pool-removals.ts';
import { keyOf, Store, type Stored } from './store.ts';
import {
  SERVICE_LABEL,
  trimPod,
  trimPool,
  trimService,
  trimSlice,
  type StoredPod,
  type StoredPool,
  type StoredSlice,
} from './trim.ts';

export interface ClusterStateOptions extends Pick<
  ListWatchOptions<unknown>,
  'clock' | 'rng' | 'log' | 'observe' | 'timing'
> {
  readonly client: KubeClient;
  readonly className: string;
  /** A pool, or something that it names, is different. `namespace/name`. */
  readonly onDirty: (pool: string) => void;
}

interface Watched {
  readonly kind: string;
  readonly listWatch: Pick<ListWatch<unknown>, 'start' | 'stop' | 'synced' | 'caughtUpTo' | 'newest'>;
}

/** What the cluster holds of the kinds that pools are made of, kept up to date by watches. */
export class ClusterState {
  readonly pools: Store<StoredPool>;
  readonly credentials: Credentials;
  readonly #removals: PoolRemovals;
  readonly #services: Store<Service>;
  readonly #slices: Store<StoredSlice>;
  readonly #pods: Store<StoredPod>;
  /** Slices by Service, then by slice. */
  readonly #slicesOf = new Map<string, Map<string, EndpointSlice>>();
  readonly #dependents = new Dependents();
  readonly #options: ClusterStateOptions;
  readonly #watched: readonly Watched[];
  #podWatch: Watched | undefined;

  constructor(options: ClusterStateOptions) {
    this.#options = options;
    const { onDirty, className } = options;
    this.credentials = new Credentials({
      watch: (watched) => this.#watch(watched),
      onDirty,
      clock: options.clock,
    });
    this.pools = new Store<StoredPool>({
      matters: ({ metadata, spec }) => [metadata, spec],
      changed: (before, after) => {
        const key = keyOf((after ?? before)!);
        this.#dependents.set(
          key,
          after === undefined ? [] : servicesOf(after.metadata.namespace, after.spec),
        );
        this.credentials.set(key, after === undefined ? [] : credentialsOf(after.spec));
        onDirty(key);
      },
    });
    this.#removals = new PoolRemovals({
      store: this.pools,
      definitionStands: () => definitionStands(options.client, `${POOLS.plural}.evenkeel.dev`),
      clock: options.clock,
      log: options.log,
    });
    this.#services = new Store<Service>({
      matters: ({ spec }) => spec,
      changed: (before, after) => this.#touched(keyOf((after ?? before)!)),
    });
    this.#slices = new Store<StoredSlice>({
      matters: (slice) => slice,
      changed: (before, after) => {
        if (before !== undefined) this.#unlink(before);
        if (after !== undefined) this.#link(after);
        const services = [before, after].flatMap((slice) => (slice === undefined ? [] : [serviceKey(slice)]));
        for (const service of new Set(services)) this.#touched(service);
      },
    });
    this.#pods = new Store<StoredPod>({
      matters: ({ metadata }) => metadata.annotations,
      changed: () => {
        // Which Service a pod belongs to is only in slices; annotations of weights change rarely.
        for (const pool of this.pools.values()) {
          if (pool.spec.loadBalancing.endpointWeight !== undefined) onDirty(keyOf(pool));
        }
      },
    });
    this.#watched = [
      {
        kind: 'pools',
        listWatch: this.#watch({
          path: resourcePath(POOLS),
          fieldSelector: `spec.className=${className}`,
          trim: trimPool,
          sink: this.#removals,
        }),
      },
      {
        kind: 'services',
        listWatch: this.#watch({ path: resourcePath(SERVICES), trim: trimService, sink: this.#services }),
      },
      {
        kind: 'slices',
        listWatch: this.#watch({
          path: resourcePath(ENDPOINT_SLICES),
          labelSelector: SERVICE_LABEL,
          trim: trimSlice,
          sink: this.#slices,
        }),
      },
    ];
  }

  /** Resolves when everything has been listed once. */
  async start(): Promise<void> {
    for (const { listWatch } of this.#watched) listWatch.start();
    await Promise.all(this.#watched.map(({ listWatch }) => listWatch.synced));
    await this.credentials.settled();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#all().map(({ listWatch }) => listWatch.stop()), this.credentials.stop()]);
    await this.#removals.stop();
  }

  service(namespace: string, name: string): Service | undefined {
    return this.#services.get(`${namespace}/${name}`);
  }

  endpointSlices(namespace: string, service: string): readonly EndpointSlice[] {
    return [...(this.#slicesOf.get(`${namespace}/${service}`)?.values() ?? [])];
  }

  /** The first call begins to watch pods; their pools are dirty again when it has the answers. */
  podAnnotation(namespace: string, pod: string, annotation: string): string | undefined {
    this.#watchPods();
    return this.#pods.get(`${namespace}/${pod}`)?.metadata.annotations[annotation];
  }

  /** For each kind, the newest change that is in here. */
  newest(): Newest {
    return Object.fromEntries(this.#all().map(({ kind, listWatch }) => [kind, listWatch.newest]));
  }

  /** How many objects of each kind are in here, by plural. */
  counts(): ReadonlyMap<string, number> {
    return new Map([
      [POOLS.plural, this.pools.size],
      [SERVICES.plural, this.#services.size],
      [ENDPOINT_SLICES.plural, this.#slices.size],
      [PODS.plural, this.#pods.size],
    ]);
  }

  /** Whether this knows everything that made `newest`. */
  hasSeen(newest: Newest): boolean {
    return this.#all().every(({ kind, listWatch }) => {
      const needed = newest[kind];
      return needed === undefined || BigInt(listWatch.caughtUpTo || 0) >= BigInt(needed);
    });
  }

  #all(): readonly Watched[] {
    const pods = this.#podWatch === undefined ? [] : [this.#podWatch];
    return [...this.#watched, ...pods, ...this.credentials.watched()];
  }

  #watch<T extends Stored>(
    options: Pick<
      ListWatchOptions<T>,
      'path' | 'trim' | 'sink' | 'fieldSelector' | 'labelSelector' | 'metadataOnly' | 'onOutcome'
    >,
  ): ListWatch<T> {
    const { client, clock, rng, log, observe, timing } = this.#options;
    return new ListWatch<T>({
      ...options,
      client,
      clock,
      rng,
      log,
      ...(observe === undefined ? {} : { observe }),
      ...(timing === undefined ? {} : { timing }),
    });
  }

  #watchPods(): void {
    if (this.#podWatch !== undefined) return;
    const listWatch = this.#watch({
      path: resourcePath(PODS),
      metadataOnly: true,
      trim: trimPod(WEIGHT_ANNOTATION),
      sink: this.#pods,
    });
    this.#podWatch = { kind: 'pods', listWatch };
    listWatch.start();
  }

  #touched(service: string): void {
    for (const pool of this.#dependents.of(service)) this.#options.onDirty(pool);
  }

  #link(slice: StoredSlice): void {
    const service = serviceKey(slice);
    const slices = this.#slicesOf.get(service);
    if (slices === undefined) this.#slicesOf.set(service, new Map([[keyOf(slice), slice]]));
    else slices.set(keyOf(slice), slice);
  }

  #unlink(slice: StoredSlice): void {
    const service = serviceKey(slice);
    const slices = this.#slicesOf.get(service);
    slices?.delete(keyOf(slice));
    if (slices?.size === 0) this.#slicesOf.delete(service);
  }
}

function serviceKey({ metadata: { namespace }, service }: StoredSlice): string {
  return `${namespace}/${service}`;
}
