import { access } from 'node:fs/promises';
import type { Logger } from 'pino';
import { serveAdmin, type AdminServer } from '../../lib/admin-server.ts';
import { systemClock, systemRng } from '../../lib/clock.ts';
import { connectionBudget } from '../../lib/file-descriptors.ts';
import { createLog } from '../../lib/log.ts';
import { TrafficHistory } from '../../lib/traffic-history.ts';
import { sampleTraffic } from '../../lib/traffic-sampler.ts';
import { version } from '../../lib/version.ts';
import { Proxy } from '../../proxy/proxy.ts';
import { standaloneRoutes } from '../../standalone/admin-routes.ts';
import { Demo } from '../../standalone/demo.ts';
import { loadPoolValidator } from '../../standalone/pool-validator.ts';
import { diagnosticLine } from '../../standalone/manifests.ts';
import { Standalone } from '../../standalone/standalone.ts';
import { StatusBook } from '../../standalone/status-book.ts';
import { forceSignal, stopSignal } from '../stop-signals.ts';
import { liveHeader, places, welcome, type Running } from '../welcome.ts';
import { top, type LiveSource } from './top.ts';

export interface RunOptions {
  readonly file: string[];
  readonly bind: string;
  readonly admin: string;
  readonly workers: number;
  readonly deniedCidrs: string[];
  readonly demo: boolean;
  readonly accessLog: boolean;
  readonly endpointMetrics: number;
  readonly logLevel: string;
  /** Milliseconds. */
  readonly drainTimeout: number;
}

/** `evenkeel run`: both halves in this process, until a signal ends it. 1 when open requests were cut off. */
export async function run(options: RunOptions): Promise<number> {
  await mustExist(options.file);
  const { stdout, stderr } = process;
  // A table that is drawn anew every second and a log do not share a terminal.
  const isLive = stdout.isTTY && !options.accessLog;
  const log = createLog(isLive && stderr.isTTY ? 'silent' : options.logLevel);
  await using ends = new AsyncDisposableStack();
  const parts = await start(options, log, ends);
  const { proxy, standalone, status } = parts;

  if (!isLive) for (const fault of standalone.diagnostics) stderr.write(`${diagnosticLine(fault)}\n`);
  const running = (): Running => ({
    version: parts.version,
    admin: parts.admin.address,
    bindAddress: options.bind,
    demo: parts.demo?.servers,
  });
  const stop = stopSignal();
  if (isLive) {
    const source: LiveSource = {
      pools: () => Promise.resolve(status.pools(standalone.pools)),
      traffic: () => proxy.traffic(),
      faults: () => standalone.diagnostics.map(diagnosticLine),
      header: () => liveHeader(running()),
      sendTo: (pool) => places(pool, options.bind).join(' '),
    };
    await top(source, stop);
  } else {
    stdout.write(
      welcome(
        standalone.pools.map(({ pool }) => pool),
        running(),
      ),
    );
  }
  await stop;
  standalone.close();
  const forced = forceSignal();
  await proxy.drain(0, options.drainTimeout, forced);
  return forced.aborted ? 1 : 0;
}

interface Parts {
  readonly proxy: Proxy;
  readonly standalone: Standalone;
  readonly status: StatusBook;
  readonly admin: AdminServer;
  readonly demo: Demo | undefined;
  readonly version: string;
}

/** Starts each part, and leaves in `ends` how it ends, also when a later one cannot start. */
async function start(options: RunOptions, log: Logger, ends: AsyncDisposableStack): Promise<Parts> {
  const { file, bind, workers, deniedCidrs, accessLog, endpointMetrics } = options;
  const clock = systemClock;
  const validator = await loadPoolValidator();
  const demo = options.demo ? await Demo.start(log) : undefined;
  ends.defer(() => demo?.close());
  const maxConnections = await connectionBudget();
  const proxy = await Proxy.start({
    bindAddress: bind,
    workers,
    clock,
    rng: systemRng,
    log,
    accessLog,
    endpointMetrics,
    maxConnections,
  });
  ends.defer(() => proxy.close());
  const standalone = await Standalone.start({
    paths: demo === undefined ? file : [...file, demo.folder],
    deniedCIDRs: deniedCidrs,
    proxy,
    validator,
    clock,
    log,
  });
  proxy.complete();
  ends.defer(() => standalone.close());
  const status = new StatusBook(bind, clock);
  const traffic = new TrafficHistory();
  const programVersion = await version();
  ends.defer(sampleTraffic(traffic, () => proxy.traffic(), clock));
  const admin = await serveAdmin(
    options.admin,
    standaloneRoutes({ standalone, status, traffic, version: programVersion, clock }, proxy),
  );
  ends.defer(() => admin.close());
  return { proxy, standalone, status, admin, demo, version: programVersion };
}

async function mustExist(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await access(path).catch((error: unknown) => {
      throw new Error(`cannot read ${path}: there is no such file or folder`, { cause: error });
    });
  }
}
