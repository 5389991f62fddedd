import type { KubeClient } from '../kube/client.ts';
import { ListWatch, type ListWatchOptions } from '../kube/list-watch.ts';
import { PODS, resourcePath, type KubeObject } from '../kube/objects.ts';
import { Store, type Stored } from './store.ts';

interface Pod extends Stored {
  readonly ready: boolean;
}

export interface ReadyPodsOptions extends Pick<
  ListWatchOptions<unknown>,
  'clock' | 'rng' | 'log' | 'timing'
> {
  readonly client: KubeClient;
  readonly namespace: string;
  /** As kubectl takes it, such as `app=evenkeel-proxy`. */
  readonly labelSelector: string;
  readonly onChange: () => void;
}

/** The proxies' pods: one that is ready is expected to serve, whether or not it has a stream; one that is gone is not. */
export class ReadyPods {
  readonly #namespace: string;
  readonly #pods: Store<Pod>;
  readonly #watch: ListWatch<Pod>;

  constructor({ client, namespace, labelSelector, onChange, ...edges }: ReadyPodsOptions) {
    this.#namespace = namespace;
    this.#pods = new Store<Pod>({ matters: ({ ready }) => ready, changed: onChange });
    this.#watch = new ListWatch<Pod>({
      ...edges,
      client,
      path: resourcePath(PODS, namespace),
      labelSelector,
      trim: trimPod,
      sink: this.#pods,
    });
  }

  /** It was deleted, and has ended. */
  isGone(name: string): boolean {
    return this.#watch.hasSynced && this.#pods.get(`${this.#namespace}/${name}`) === undefined;
  }

  names(): string[] {
    return [...this.#pods.values()].flatMap(({ metadata: { name }, ready }) => (ready ? [name] : []));
  }

  start(): Promise<void> {
    this.#watch.start();
    return this.#watch.synced;
  }

  stop(): Promise<void> {
    return this.#watch.stop();
  }
}

function trimPod({ metadata, ...rest }: KubeObject): Pod {
  const { status } = rest as {
    status?: { conditions?: readonly { readonly type: string; readonly status: string }[] };
  };
  const { name, namespace = '', deletionTimestamp } = metadata;
  const isReady = status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True');
  return { metadata: { name, namespace }, ready: isReady === true && deletionTimestamp === undefined };
}
