import { isStatus } from '../kube/client.ts';
import type { ListWatch, ListWatchOptions } from '../kube/list-watch.ts';
import { CONFIG_MAPS, resourcePath, SECRETS, type Resource } from '../kube/objects.ts';
import type { ConfigMap, Secret } from '../resolve/world.ts';
import { Store, type Stored } from './store.ts';
import { trimConfigMap, trimSecret } from './trim.ts';

type Kind = 'Secret' | 'ConfigMap';

/** Something that a pool refers to, in its own namespace. */
export interface CredentialRef {
  readonly kind: Kind;
  readonly name: string;
}

export interface CredentialsOptions {
  /** A list-watch with everything but these. */
  readonly watch: <T extends Stored>(
    options: Pick<ListWatchOptions<T>, 'path' | 'trim' | 'sink' | 'onOutcome'>,
  ) => ListWatch<T>;
  /** The pool has to be resolved anew: something it refers to, or the access to it, is different. */
  readonly onDirty: (pool: string) => void;
}

/** One kind of one namespace. */
interface Collection {
  readonly kind: Kind;
  readonly namespace: string;
  readonly store: Store<Secret> | Store<ConfigMap>;
  readonly listWatch: ListWatch<Secret> | ListWatch<ConfigMap>;
  /** Resolves when it is known what there is, or that nobody may know. */
  readonly settled: Promise<void>;
  isSettled: boolean;
  isDenied: boolean;
}

/**
 * Secrets and ConfigMaps, of those namespaces alone whose pools refer to any, for as long as they do. What the API
 * server refuses to show is asked for again and again, so that a grant takes effect without a restart.
 */
export class Credentials {
  readonly #options: CredentialsOptions;
  /** By pool key. */
  readonly #refs = new Map<string, readonly CredentialRef[]>();
  /** By kind and namespace. */
  readonly #collections = new Map<string, Collection>();
  readonly #stopping = new Set<Promise<void>>();

  constructor(options: CredentialsOptions) {
    this.#options = options;
  }

  /** The pool refers to these now, and to no others. @param pool `namespace/name` */
  set(pool: string, refs: readonly CredentialRef[]): void {
    const before = this.#refs.get(pool) ?? [];
    if (refs.length === 0) this.#refs.delete(pool);
    else this.#refs.set(pool, refs);
    const namespace = namespaceOf(pool);
    for (const kind of new Set([...refs, ...before].map((ref) => ref.kind))) this.#adjust(kind, namespace);
  }

  secret(namespace: string, name: string): Secret | 'denied' | undefined {
    return this.#find('Secret', namespace, name);
  }

  configMap(namespace: string, name: string): ConfigMap | 'denied' | undefined {
    return this.#find('ConfigMap', namespace, name);
  }

  /** Whether it is known what the pool refers to; it is dirty again when it becomes so. */
  knows(pool: string): boolean {
    const namespace = namespaceOf(pool);
    return (this.#refs.get(pool) ?? []).every(
      ({ kind }) => this.#collections.get(`${kind} ${namespace}`)?.isSettled === true,
    );
  }

  /** Resolves when all that is referred to now is known. */
  async settled(): Promise<void> {
    await Promise.all([...this.#collections.values()].map(({ settled }) => settled));
  }

  /** For each collection, under a name of its own. */
  watched(): { readonly kind: string; readonly listWatch: Collection['listWatch'] }[] {
    return [...this.#collections.values()].map(({ kind, namespace, listWatch }) => ({
      kind: `${kind.toLowerCase()}s/${namespace}`,
      listWatch,
    }));
  }

  async stop(): Promise<void> {
    await Promise.all([
      ...[...this.#collections.values()].map(({ listWatch }) => listWatch.stop()),
      ...this.#stopping,
    ]);
  }

  #find(kind: Kind, namespace: string, name: string): Secret | ConfigMap | 'denied' | undefined {
    const collection = this.#collections.get(`${kind} ${namespace}`);
    if (collection?.isDenied === true) return 'denied';
    return collection?.store.get(`${namespace}/${name}`);
  }

  #adjust(kind: Kind, namespace: string): void {
    const key = `${kind} ${namespace}`;
    const isWanted = [...this.#refs].some(
      ([pool, refs]) => namespaceOf(pool) === namespace && refs.some((ref) => ref.kind === kind),
    );
    const known = this.#collections.get(key);
    if (isWanted === (known !== undefined)) return;
    if (known === undefined) {
      this.#collections.set(key, this.#collect(kind, namespace));
      return;
    }
    this.#collections.delete(key);
    const stopped = known.listWatch.stop().finally(() => this.#stopping.delete(stopped));
    this.#stopping.add(stopped);
  }

  #collect(kind: Kind, namespace: string): Collection {
    const settle = Promise.withResolvers<void>();
    const state = { kind, namespace, isSettled: false, isDenied: false, settled: settle.promise };
    const onOutcome = (error: unknown): void => {
      const isDenied = isStatus(error, 403);
      // Any other failure says nothing of what there is, or whether it may be known.
      if (error !== undefined && !isDenied) return;
      const isNews = !collection.isSettled || collection.isDenied !== isDenied;
      collection.isSettled = true;
      collection.isDenied = isDenied;
      settle.resolve();
      if (isNews) this.#touch(kind, namespace);
    };
    const changed = (before: Stored | undefined, after: Stored | undefined): void =>
      this.#touch(kind, namespace, (after ?? before)!.metadata.name);
    const collection: Collection =
      kind === 'Secret'
        ? { ...state, ...this.#watch(SECRETS, namespace, trimSecret, { changed, onOutcome }) }
        : { ...state, ...this.#watch(CONFIG_MAPS, namespace, trimConfigMap, { changed, onOutcome }) };
    collection.listWatch.start();
    return collection;
  }

  #watch<T extends Secret | ConfigMap>(
    resource: Resource,
    namespace: string,
    trim: ListWatchOptions<T>['trim'],
    told: {
      readonly changed: (before: Stored | undefined, after: Stored | undefined) => void;
      readonly onOutcome: (error: unknown) => void;
    },
  ): { readonly store: Store<T>; readonly listWatch: ListWatch<T> } {
    const store = new Store<T>({ matters: (object) => object, changed: told.changed });
    const path = resourcePath(resource, namespace);
    const { onOutcome } = told;
    return { store, listWatch: this.#options.watch<T>({ path, trim, sink: store, onOutcome }) };
  }

  /** @param name absent: any of them */
  #touch(kind: Kind, namespace: string, name?: string): void {
    for (const [pool, refs] of this.#refs) {
      if (namespaceOf(pool) !== namespace) continue;
      if (refs.some((ref) => ref.kind === kind && (name === undefined || ref.name === name))) {
        this.#options.onDirty(pool);
      }
    }
  }
}

function namespaceOf(pool: string): string {
  return pool.slice(0, pool.indexOf('/'));
}
