import type { Logger } from 'pino';
import type { EndpointReport } from '../api/health.ts';
import type { PoolSnapshot } from '../api/snapshot.ts';
import { unresolvedOf } from '../api/unresolved.ts';
import type { PoolValidator } from '../api/validate/pool-validator.ts';
import { changedSnapshots } from '../controller/compile/changed-snapshots.ts';
import { denyAddresses, type DeniedAddresses } from '../controller/resolve/denied-addresses.ts';
import type { LastGood } from '../controller/resolve/resolve-pool.ts';
import type { Clock } from '../lib/clock.ts';
import { createTicketSecret, isDue, TICKET_SECRET_LIFE_MS, type TicketSecret } from '../lib/ticket-secret.ts';
import { checkManifest, evaluate, type EvaluatedPool } from './evaluate.ts';
import { readManifestFiles, watchFiles, type FileState } from './file-source.ts';
import { select } from './last-good.ts';
import type { Diagnostic, Manifest } from './manifests.ts';

/** What standalone needs of a proxy. */
export interface ProxyPort {
  apply(change: {
    upsert: readonly PoolSnapshot[];
    remove: readonly string[];
  }): Promise<
    Map<string, { ok: true } | { ok: false; errors: readonly { path: string; message: string }[] }>
  >;
  reports(uid: string): readonly EndpointReport[];
}

export interface StandaloneOptions {
  readonly paths: readonly string[];
  readonly deniedCIDRs: readonly string[];
  readonly proxy: ProxyPort;
  readonly validator: PoolValidator;
  readonly clock: Clock;
  readonly log: Logger;
}

/** One pool as standalone knows it: what was declared, what it means, what the proxy said to it. */
export interface StandalonePool extends EvaluatedPool {
  /** Digest of what the proxy serves; undefined: nothing. */
  readonly serving: string | undefined;
  /** Why the proxy refused this content; what was there before goes on. */
  readonly refused: readonly { readonly path: string; readonly message: string }[];
  readonly reports: readonly EndpointReport[];
}

/**
 * Both halves in one process: pools from files are resolved and compiled as the controller does it, and applied to
 * a proxy in the same process. Files are watched; a fault in one object leaves its last good version in force and
 * the others untouched.
 */
export class Standalone {
  readonly #options: StandaloneOptions;
  readonly #denied: DeniedAddresses;
  #files: ReadonlyMap<string, FileState> = new Map();
  #objects: ReadonlyMap<string, Manifest> = new Map();
  #pools: ReadonlyMap<string, EvaluatedPool> = new Map();
  /** Only in memory: after a restart every client begins anew. */
  #tickets: TicketSecret | undefined;
  #firstSeen: ReadonlyMap<string, number> = new Map();
  #lastGood: ReadonlyMap<string, LastGood> = new Map();
  #applied: ReadonlyMap<string, PoolSnapshot> = new Map();
  #refused: ReadonlyMap<string, readonly { path: string; message: string }[]> = new Map();
  #diagnostics: readonly Diagnostic[] = [];
  #told = new Set<string>();
  /** What each pool has been without since this process started, by uid: nothing was there to go on with. */
  #without: ReadonlyMap<string, string> = new Map();
  #loading: Promise<void> = Promise.resolve();
  #stopWatching: () => void = () => {};
  #cancelExpiry: () => void = () => {};

  private constructor(options: StandaloneOptions) {
    this.#options = options;
    this.#denied = denyAddresses(options.deniedCIDRs);
  }

  /** Applies what the files say, and from then on what they become. */
  static async start(options: StandaloneOptions): Promise<Standalone> {
    const standalone = new Standalone(options);
    standalone.#stopWatching = watchFiles(options.paths, options.clock, () => standalone.#reloadLater());
    await standalone.reload();
    return standalone;
  }

  /** Everything that is wrong with the files now. */
  get diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics;
  }

  get pools(): readonly StandalonePool[] {
    return [...this.#pools.keys()].flatMap((uid) => this.pool(uid) ?? []);
  }

  pool(uid: string): StandalonePool | undefined {
    const pool = this.#pools.get(uid);
    if (pool === undefined) return undefined;
    return {
      ...pool,
      serving: this.#applied.get(uid)?.digest,
      refused: this.#refused.get(uid) ?? [],
      reports: this.#options.proxy.reports(uid),
    };
  }

  /** Reads the files again; resolves when what they say is in force. One reload at a time. */
  reload(): Promise<void> {
    const loaded = this.#loading.then(() => this.#load());
    this.#loading = loaded.catch((error: unknown) =>
      this.#options.log.error({ err: error }, 'reload failed'),
    );
    return loaded;
  }

  close(): void {
    this.#stopWatching();
    this.#cancelExpiry();
  }

  /** A reload nobody waits for; its failure is in the log. */
  #reloadLater(): void {
    void this.reload().catch(() => undefined);
  }

  async #load(): Promise<void> {
    const { paths, validator, proxy, clock } = this.#options;
    this.#files = await readManifestFiles(paths, this.#files);
    const selection = select(this.#files, this.#objects, (manifest) => checkManifest(manifest, validator));
    const { pools, diagnostics, nextExpiry } = evaluate(selection.objects, {
      validator,
      denied: this.#denied,
      now: clock.wall(),
      lastGood: this.#lastGood,
      firstSeen: this.#firstSeen,
      ticketSecret: this.#ticketSecret().secret,
    });
    this.#objects = selection.objects;
    this.#pools = pools;
    this.#firstSeen = new Map(
      [...pools].map(([uid, { pool }]) => [uid, Date.parse(pool.metadata.creationTimestamp)]),
    );
    this.#lastGood = new Map([...pools].map(([uid, { resolution }]) => [uid, resolution]));

    const wanted = new Map(
      [...pools].flatMap(([uid, { snapshot }]) => (snapshot === undefined ? [] : [[uid, snapshot] as const])),
    );
    const { put, gone } = changedSnapshots(this.#applied, wanted);
    const outcomes = await proxy.apply({ upsert: put, remove: gone });
    const applied = new Map(this.#applied);
    const refused = new Map([...this.#refused].filter(([uid]) => wanted.has(uid)));
    for (const uid of gone) applied.delete(uid);
    for (const snapshot of put) {
      const outcome = outcomes.get(snapshot.uid);
      refused.delete(snapshot.uid);
      if (outcome?.ok === false) refused.set(snapshot.uid, outcome.errors);
      else applied.set(snapshot.uid, snapshot);
    }
    this.#applied = applied;
    this.#refused = refused;
    this.#diagnostics = [...selection.diagnostics, ...diagnostics, ...this.#refusals()];
    this.#tell(put.length, gone.length);
    this.#cancelExpiry();
    const nextLoad = Math.min(nextExpiry ?? Infinity, this.#ticketSecret().since + TICKET_SECRET_LIFE_MS);
    this.#cancelExpiry = clock.after(Math.max(0, nextLoad - clock.wall()), () => this.#reloadLater());
  }

  #ticketSecret(): TicketSecret {
    const now = this.#options.clock.wall();
    if (this.#tickets === undefined || isDue(this.#tickets, now)) this.#tickets = createTicketSecret(now);
    return this.#tickets;
  }

  /** What the proxy refused, where it stands in the files. */
  #refusals(): Diagnostic[] {
    const diagnostics: Diagnostic[] = [];
    for (const [uid, errors] of this.#refused) {
      const manifest = this.#pools.get(uid)?.manifest;
      if (manifest === undefined) continue;
      for (const { path, message } of errors) {
        diagnostics.push({ file: manifest.file, ...manifest.locate(path), path, message });
      }
    }
    return diagnostics;
  }

  /** Logs what is new: each fault once, until it is gone. */
  #tell(put: number, gone: number): void {
    const { log } = this.#options;
    const faults = new Map(this.#diagnostics.map((fault) => [JSON.stringify(fault), fault]));
    for (const [key, fault] of faults) {
      if (!this.#told.has(key)) log.error(fault, 'a manifest is at fault; what was good before goes on');
    }
    for (const key of this.#told) if (!faults.has(key)) log.info(JSON.parse(key), 'this fault is mended');
    this.#told = new Set(faults.keys());
    const without = new Map(
      [...this.#pools].flatMap(([uid, { snapshot }]): [string, string][] => {
        const names = snapshot === undefined ? [] : unresolvedOf(snapshot.config);
        return names.length === 0 ? [] : [[uid, names.join(', ')]];
      }),
    );
    for (const [uid, names] of without) {
      if (this.#without.get(uid) === names) continue;
      const { namespace, name } = this.#pools.get(uid)!.pool.metadata;
      log.warn(
        { pool: `${namespace}/${name}`, without: names },
        'this process has never read what its TLS needs: nothing is served with that',
      );
    }
    this.#without = without;
    if (put > 0 || gone > 0) log.info({ pools: this.#pools.size, changed: put, gone }, 'manifests applied');
  }
}
