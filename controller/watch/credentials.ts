import { isStatus } from '../kube/client.ts';
import type { ListWatch, ListWatchOptions } from '../kube/list-watch.ts';
import { CONFIG_MAPS, resourcePath, SECRETS, type Resource } from '../kube/objects.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ConfigMap, Secret, Unread } from '../resolve/world.ts';
import { namespaceOf, Store, type Stored } from './store.ts';
import { trimConfigMap, trimSecret } from './trim.ts';

type Kind = 'Secret' | 'ConfigMap';

/** `unknown`: nobody has answered yet. `unreadable`: nobody has answered well for so long that nobody waits. */
type Access = 'unknown' | 'readable' | 'denied' | 'unreadable';

/** How long the pools of a namespace, and at its start the controller, wait for a first answer. */
const ANSWER_MS = 5_000;

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
  readonly clock: Clock;
}

/** One kind of one namespace. */
interface Collection {
  readonly kind: Kind;
  readonly namespace: string;
  readonly store: Store<Secret> | Store<ConfigMap>;
  readonly listWatch: ListWatch<Secret> | ListWatch<ConfigMap>;
  /** Resolves when it is known what there is, or that this cannot be known now. */
  readonly settled: Promise<void>;
  access: Access;
  readonly cancelWait: () => void;
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

  secret(namespace: string, name: string): Secret | Unread | undefined {
    return this.#find('Secret', namespace, name);
  }

  configMap(namespace: string, name: string): ConfigMap | Unread | undefined {
    return this.#find('ConfigMap', namespace, name);
  }

  /** Whether it is known what the pool refers to; it is dirty again when it becomes so. */
  knows(pool: string): boolean {
    const namespace = namespaceOf(pool);
    return (this.#refs.get(pool) ?? []).every(
      ({ kind }) => (this.#collections.get(`${kind} ${namespace}`)?.access ?? 'unknown') !== 'unknown',
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
    for (const { cancelWait } of this.#collections.values()) cancelWait();
    await Promise.all([
      ...[...this.#collections.values()].map(({ listWatch }) => listWatch.stop()),
      ...this.#stopping,
    ]);
  }

  #find(kind: Kind, namespace: string, name: string): Secret | ConfigMap | Unread | undefined {
    const collection = this.#collections.get(`${kind} ${namespace}`);
    if (collection?.access === 'denied' || collection?.access === 'unreadable') return collection.access;
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
    known.cancelWait();
    const stopped = known.listWatch.stop().finally(() => this.#stopping.delete(stopped));
    this.#stopping.add(stopped);
  }

  #collect(kind: Kind, namespace: string): Collection {
    const settle = Promise.withResolvers<void>();
    const learn = (access: Access): void => {
      const isNews = collection.access !== access;
      collection.access = access;
      settle.resolve();
      if (isNews) this.#touch(kind, namespace);
    };
    const cancelWait = this.#options.clock.after(ANSWER_MS, () => {
      if (collection.access === 'unknown') learn('unreadable');
    });
    const state = { kind, namespace, access: 'unknown' as Access, cancelWait, settled: settle.promise };
    const onOutcome = (error: unknown): void => {
      if (error === undefined) learn('readable');
      else if (isStatus(error, 403)) learn('denied');
      // Any other failure says nothing of what there is, or whether it may be known.
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
