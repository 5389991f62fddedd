import type { Logger } from 'pino';
import { backoff, type Backoff } from '../../lib/backoff.ts';
import type { Clock, Rng } from '../../lib/clock.ts';
import { isStatus, KubeError, type KubeClient } from './client.ts';
import { listAll, metadataOnly } from './list.ts';
import type { KubeObject, ObjectMeta } from './objects.ts';

/** Where a list-watch puts what it learns. Calls are synchronous, in the server's order. */
export interface Sink<T> {
  /** The whole truth: what is not in `items` does not exist. */
  replace(items: readonly T[]): void;
  put(item: T): void;
  remove(item: T): void;
}

export interface ListWatchOptions<T> {
  readonly client: KubeClient;
  /** Of the collection (`resourcePath`). */
  readonly path: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  /** Asks for the objects' metadata alone. */
  readonly metadataOnly?: boolean;
  /** Keeps of an object what is needed of it, before anything else sees it. */
  readonly trim: (object: KubeObject) => T;
  readonly sink: Sink<T>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly observe?: ListWatchObserver;
  /** Told of each attempt to list or watch: undefined when it went well, else why not. */
  readonly onOutcome?: (error: unknown) => void;
  readonly timing?: Partial<ListWatchTiming>;
}

export interface ListWatchObserver {
  listed(path: string): void;
  /** A watch began again: its stream ended, failed or went silent. */
  restarted(path: string, why: WatchEnd): void;
}

/** `disordered`: an event came that was not newer than the one before. */
export type WatchEnd = 'ended' | 'failed' | 'silent' | 'expired' | 'disordered';

export interface ListWatchTiming {
  /** The server is asked to end a watch after this long, drawn anew between the two. */
  readonly watchMinMs: number;
  readonly watchMaxMs: number;
  /** How much later than that a watch that did not end counts as black-holed. */
  readonly watchdogMs: number;
  readonly listTimeoutMs: number;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  readonly pageSize: number;
}

const TIMING: ListWatchTiming = {
  watchMinMs: 20_000,
  watchMaxMs: 25_000,
  watchdogMs: 3_000,
  listTimeoutMs: 30_000,
  backoffMs: 500,
  backoffMaxMs: 30_000,
  pageSize: 500,
};

type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }
  | { readonly type: 'BOOKMARK'; readonly object: { readonly metadata: Pick<ObjectMeta, 'resourceVersion'> } }
  | { readonly type: 'ERROR'; readonly object: { code?: number; reason?: string; message?: string } };

/**
 * Keeps a sink in step with a collection of the API server, until it is stopped:
 *
 * 1. `synced` resolves after the first complete list has reached the sink.
 * 2. A watch that ends goes on where it was, without a list. What costs a list: an expired resource version (410),
 *    and an event that is not newer than the one before.
 * 3. A watch that is silent past its own end counts as broken: a black-holed connection is found in 28 s.
 * 4. Errors are retried for ever with jittered back-off; one that repeats is logged once.
 * 5. After `stop()` the sink is not called again.
 */
export class ListWatch<T> {
  readonly synced: Promise<void>;
  readonly #options: ListWatchOptions<T>;
  readonly #timing: ListWatchTiming;
  readonly #retry: Backoff;
  readonly #abort = new AbortController();
  #markSynced: () => void = () => undefined;
  #hasSynced = false;
  #done: Promise<void> | undefined;
  #resourceVersion = '';
  #newest = '0';
  #lastError = '';

  constructor(options: ListWatchOptions<T>) {
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
    this.#retry = backoff(
      { initialMs: this.#timing.backoffMs, maxMs: this.#timing.backoffMaxMs },
      options.rng,
    );
    this.synced = new Promise((resolve) => (this.#markSynced = resolve));
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** The sink has everything up to this resource version, at least. */
  get caughtUpTo(): string {
    return this.#resourceVersion;
  }

  /** The resource version of the newest change that the sink has. */
  get newest(): string {
    return this.#newest;
  }

  start(): void {
    this.#done ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  get #stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        if (this.#resourceVersion === '') await this.#list();
        if (this.#stopped) return;
        await this.#watch();
      } catch (error) {
        if (this.#stopped) return;
        this.#failed(error);
        // What the server asks for, in bounds: zero would be a flood, a day an outage.
        await this.#wait(
          Math.max(this.#retry.next(), Math.min(retryAfter(error), this.#timing.backoffMaxMs)),
        );
      }
    }
  }

  async #list(): Promise<void> {
    const { client, path, trim, sink, observe, metadataOnly } = this.#options;
    observe?.listed(path);
    const { items, resourceVersion } = await listAll(client, path, {
      ...this.#selectors(),
      metadataOnly,
      trim: (object) => {
        this.#sawChange(object.metadata.resourceVersion);
        return trim(object);
      },
      pageSize: this.#timing.pageSize,
      timeoutMs: this.#timing.listTimeoutMs,
      signal: this.#abort.signal,
    });
    if (this.#stopped) return;
    this.#resourceVersion = resourceVersion;
    sink.replace(items);
    this.#hasSynced = true;
    this.#markSynced();
    this.#options.onOutcome?.(undefined);
  }

  async #watch(): Promise<void> {
    const { client, path, clock, rng, observe } = this.#options;
    const { watchMinMs, watchMaxMs, watchdogMs } = this.#timing;
    const lifeMs = watchMinMs + rng() * (watchMaxMs - watchMinMs);
    const silence = new AbortController();
    const cancelWatchdog = clock.after(lifeMs + watchdogMs, () => silence.abort());
    const startedAt = clock.now();
    let why: WatchEnd = 'failed';
    try {
      const events = client.watch(path, {
        ...(this.#options.metadataOnly === true ? { accept: metadataOnly('PartialObjectMetadata') } : {}),
        query: {
          ...this.#selectors(),
          watch: 1,
          resourceVersion: this.#resourceVersion,
          allowWatchBookmarks: true,
          timeoutSeconds: Math.ceil(lifeMs / 1_000),
        },
        signal: AbortSignal.any([this.#abort.signal, silence.signal]),
      });
      for await (const event of events) {
        if (this.#stopped) return;
        if (!this.#apply(event as WatchEvent)) {
          why = 'disordered';
          break;
        }
      }
      if (why !== 'disordered') {
        why = 'ended';
        this.#options.onOutcome?.(undefined);
      }
    } catch (error) {
      if (isStatus(error, 410)) why = 'expired';
      else if (silence.signal.aborted) why = 'silent';
      else throw error;
    } finally {
      cancelWatchdog();
      if (!this.#stopped) observe?.restarted(path, why);
    }
    const relist = why === 'expired' || why === 'disordered';
    if (relist) this.#resourceVersion = '';
    // One that is cut at once, again and again, is a failure in all but name.
    const lastedMs = clock.now() - startedAt;
    if (relist || lastedMs < this.#timing.backoffMs) await this.#wait(this.#retry.next());
    else this.#retry.reset();
  }

  /** False when the event is no news: duplicated or out of order, so that only a list can tell what is true. */
  #apply(event: WatchEvent): boolean {
    const { sink, trim } = this.#options;
    if (isChange(event) && !isNewer(event.object.metadata.resourceVersion, this.#resourceVersion))
      return false;
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        sink.put(trim(event.object));
        break;
      case 'DELETED':
        sink.remove(trim(event.object));
        break;
      case 'BOOKMARK':
        break;
      case 'ERROR': {
        const { code = 500, reason = '', message = 'the watch failed' } = event.object;
        throw new KubeError(code, reason, message);
      }
    }
    this.#resourceVersion = event.object.metadata.resourceVersion;
    if (isChange(event)) this.#sawChange(this.#resourceVersion);
    this.#recovered();
    return true;
  }

  #sawChange(version: string): void {
    if (isNewer(version, this.#newest)) this.#newest = version;
  }

  #selectors(): { fieldSelector?: string | undefined; labelSelector?: string | undefined } {
    const { fieldSelector, labelSelector } = this.#options;
    return { fieldSelector, labelSelector };
  }

  #failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (isStatus(error, 410)) this.#resourceVersion = '';
    this.#options.onOutcome?.(error);
    if (message === this.#lastError) return;
    this.#lastError = message;
    const { log, path } = this.#options;
    log.warn({ path, err: error }, 'cannot list or watch; trying again');
  }

  #recovered(): void {
    this.#retry.reset();
    if (this.#lastError === '') return;
    this.#lastError = '';
    this.#options.log.info({ path: this.#options.path }, 'lists and watches again');
  }

  #wait(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#abort.signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.#options.clock.after(ms, end);
      this.#abort.signal.addEventListener('abort', end);
    });
  }
}

function isChange(
  event: WatchEvent,
): event is Extract<WatchEvent, { type: 'ADDED' | 'MODIFIED' | 'DELETED' }> {
  return event.type === 'ADDED' || event.type === 'MODIFIED' || event.type === 'DELETED';
}

/** Resource versions of one collection grow with every change. */
function isNewer(version: string, than: string): boolean {
  return BigInt(version) > BigInt(than);
}

function retryAfter(error: unknown): number {
  return error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
}
