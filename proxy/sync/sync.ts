import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { ChannelCredentials, Metadata } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { encodeToController, type ToProxyBody } from '../../api/control.ts';
import type { Clock, Rng } from '../../lib/clock.ts';
import { coalesce, type Coalesced } from '../../lib/coalesce.ts';
import { Applier } from './applier.ts';
import { ControllerLink } from './controller-link.ts';
import { CrashGuard } from './crash-guard.ts';
import { Reporter } from './reporter.ts';
import type { SnapshotSink } from './sink.ts';
import { TrafficReporter } from './traffic-reporter.ts';
import { SnapshotDisk } from './snapshot-disk.ts';

export interface ProxySyncOptions {
  /** `host:port`, several separated by commas; a name stands for every address that it resolves to. */
  readonly controllers: string;
  /** This proxy's name: the pod's. */
  readonly name: string;
  readonly version: string;
  readonly node?: string;
  readonly zone?: string;
  /** Where the last good snapshots are kept. */
  readonly stateDir: string;
  readonly sink: SnapshotSink;
  readonly credentials?: ChannelCredentials;
  readonly metadata?: () => Promise<Metadata>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly timing?: Partial<ProxySyncTiming>;
}

export interface ProxySyncTiming {
  /** How long a leader has to answer before what is on disk is served. */
  readonly restoreAfterMs: number;
  /** How often the controllers' names are looked up again. */
  readonly resolveEveryMs: number;
  /** How long changes of health wait for company. */
  readonly reportHoldMs: number;
  /** How often controllers are told what pools carry. */
  readonly trafficEveryMs: number;
}

const TIMING: ProxySyncTiming = {
  restoreAfterMs: 1_000,
  resolveEveryMs: 5_000,
  reportHoldMs: 50,
  trafficEveryMs: 2_000,
};

/** How long the proxy's other work waits while thousands of endpoints are reported. */
const TURN_MS = 5;

export interface ProxySync {
  /** It has applied a full sync, or what was on disk. */
  readonly ready: boolean;
  /** Controllers that are connected. */
  readonly connected: number;
  /** The highest that it has heard of. */
  readonly epoch: number;
  /** Seconds since a controller was last connected, or since the start; zero while one is. */
  staleSeconds(): number;
  /** An orderly end: saves what serves. */
  close(): Promise<void>;
}

/** Keeps streams to all controllers, applies what the leader pushes, and reports acks and health to all of them. */
export async function startProxySync(options: ProxySyncOptions): Promise<ProxySync> {
  const { clock, log, rng, sink } = options;
  const timing = { ...TIMING, ...options.timing };
  const links = new Map<string, ControllerLink>();
  const reporters = new Map<ControllerLink, Reporter>();
  const trafficReporters = new Map<ControllerLink, TrafficReporter>();
  const guard = new CrashGuard(options.stateDir, clock);
  const suspects = await guard.open();
  if (suspects.length > 0) log.error({ suspects }, 'the process died within 10 s of applying this');
  let lastConnected = clock.now();
  let closed = false;

  const toAll = (message: Buffer): void => {
    for (const link of links.values()) link.send(message);
  };
  const connected = (): number => [...links.values()].filter(({ open }) => open).length;

  const applier = new Applier({
    sink,
    disk: new SnapshotDisk(options.stateDir),
    guard,
    clock,
    log,
    answer: (answer) => toAll(encodeToController(answer)),
    // Its first checks may have been over, and told to nobody, before it was there.
    onApplied: () => report.request(),
    onReady: () => toAll(encodeToController({ case: 'ready', value: {} })),
  });

  const hello = (): Buffer =>
    encodeToController({
      case: 'hello',
      value: {
        proxy: options.name,
        version: options.version,
        epoch: applier.epoch,
        applied: applier.applied(),
        newest: { ...applier.newest },
        ready: applier.ready,
        node: options.node ?? '',
        zone: options.zone ?? '',
      },
    });

  const onMessage = (body: ToProxyBody): void => applier.receive(body);

  const report: Coalesced = coalesce({
    run: async () => {
      const reports = new Map([...applier.pools.keys()].map((uid) => [uid, sink.reports(uid)]));
      let turnBegan = clock.now();
      for (const [link, reporter] of reporters) {
        for (const message of link.open ? reporter.news(reports) : []) {
          if (message !== undefined) link.send(message);
          if (clock.now() - turnBegan < TURN_MS) continue;
          await setImmediate();
          turnBegan = clock.now();
          if (!link.open || reporters.get(link) !== reporter) break; // it begins anew
        }
      }
    },
    holdMs: timing.reportHoldMs,
    retryMs: 1_000,
    onError: (error) => log.error({ err: error }, 'cannot report health'),
    clock,
  });

  const resolve: Coalesced = coalesce({
    run: async () => {
      const found = await addresses(options.controllers, log);
      if (closed || found === undefined) return;
      for (const address of found) {
        if (links.has(address)) continue;
        const link = new ControllerLink({
          address,
          ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
          ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
          hello,
          onOpen: (opened) => {
            reporters.set(opened, new Reporter());
            trafficReporters.set(opened, new TrafficReporter());
            report.request();
          },
          onLost: () => (lastConnected = clock.now()),
          onMessage,
          clock,
          rng,
          log,
        });
        links.set(address, link);
      }
      for (const [address, link] of links) {
        if (found.has(address) || link.open) continue; // a stream that works outlives its name
        link.close();
        links.delete(address);
        reporters.delete(link);
        trafficReporters.delete(link);
      }
    },
    holdMs: 0,
    retryMs: 1_000,
    onError: (error) => log.warn({ err: error }, 'cannot look up the controllers'),
    clock,
  });
  resolve.request();
  let cancelResolve: () => void = () => undefined;
  const again = (): void => {
    cancelResolve = clock.after(timing.resolveEveryMs, () => {
      resolve.request();
      again();
    });
  };
  again();
  let cancelTraffic: () => void = () => undefined;
  const tellTraffic = (): void => {
    cancelTraffic = clock.after(timing.trafficEveryMs, () => void sendTraffic());
  };
  const sendTraffic = async (): Promise<void> => {
    const totals = await sink.traffic();
    for (const [link, reporter] of trafficReporters) {
      const news = link.open ? reporter.news(totals) : undefined;
      if (news !== undefined) link.send(news);
    }
    if (!closed) tellTraffic();
  };
  tellTraffic();
  const cancelRestore = clock.after(timing.restoreAfterMs, () => {
    applier.restore().catch((error: unknown) => log.error({ err: error }, 'cannot restore'));
  });
  const endReports = sink.onChange(() => report.request());

  return {
    get ready() {
      return applier.ready;
    },
    get connected() {
      return connected();
    },
    get epoch() {
      return applier.epoch;
    },
    staleSeconds() {
      return connected() > 0 ? 0 : (clock.now() - lastConnected) / 1_000;
    },
    async close() {
      closed = true;
      cancelResolve();
      cancelTraffic();
      cancelRestore();
      endReports();
      await resolve.close();
      await report.close();
      for (const link of links.values()) link.close();
      await applier.close();
    },
  };
}

/** Every address behind the names; undefined when a name cannot be resolved, so that nothing is dropped for it. */
async function addresses(controllers: string, log: Logger): Promise<ReadonlySet<string> | undefined> {
  const found = new Set<string>();
  for (const entry of controllers.split(',')) {
    const colon = entry.lastIndexOf(':');
    const host = entry.slice(0, colon).replace(/^\[|\]$/g, '');
    const port = entry.slice(colon + 1);
    try {
      const all = isIP(host) === 0 ? await lookup(host, { all: true }) : [{ address: host }];
      for (const { address } of all)
        found.add(isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`);
    } catch (error) {
      log.warn({ host, err: error }, 'cannot look up a controller');
      return undefined;
    }
  }
  return found;
}
