import { access } from 'node:fs/promises';
import type { Logger } from 'pino';
import { serveAdmin, type AdminServer } from '../../lib/admin-server.ts';
import { systemClock, systemRng } from '../../lib/clock.ts';
import { connectionBudget } from '../../lib/file-descriptors.ts';
import { hostPort } from '../../lib/host-port.ts';
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
import { top } from './top.ts';

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

  for (const fault of standalone.diagnostics) stderr.write(`${diagnosticLine(fault)}\n`);
  const header = welcome(parts, options.bind);
  stdout.write(header);
  const stop = stopSignal();
  if (isLive) {
    const source = {
      pools: () => Promise.resolve(status.pools(standalone.pools)),
      traffic: () => proxy.traffic(),
      faults: () => standalone.diagnostics.map(diagnosticLine),
    };
    await top(source, stop, header);
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
    paths: file,
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
  ends.defer(sampleTraffic(traffic, () => proxy.traffic(), clock));
  const admin = await serveAdmin(
    options.admin,
    standaloneRoutes({ standalone, status, traffic, version: await version(), clock }, proxy),
  );
  ends.defer(() => admin.close());
  return { proxy, standalone, status, admin, demo };
}

async function mustExist(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await access(path).catch((error: unknown) => {
      throw new Error(`cannot read ${path}: there is no such file or folder`, { cause: error });
    });
  }
}

/** Where to send requests, and what to try. */
function welcome({ standalone, admin, demo }: Parts, bindAddress: string): string {
  const lines = ['', 'Evenkeel is running. Send traffic to:', ''];
  for (const { pool } of standalone.pools) {
    for (const { protocol, port, address = bindAddress } of pool.spec.listeners) {
      const where = hostPort(address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address, port);
      const how = protocol === 'HTTP' ? `curl http://${where}/` : `${protocol} ${where}`;
      lines.push(`  ${how.padEnd(36)} ${pool.metadata.name} (${pool.spec.loadBalancing.algorithm})`);
    }
  }
  const { address } = admin;
  lines.push('', `Status, metrics:  evenkeel get --admin ${address}   curl http://${address}/metrics`);
  if (demo !== undefined) {
    const [first] = demo.servers;
    lines.push(
      `Demo servers:     ${demo.servers.map(({ name, pid }) => `${name} is pid ${pid}`).join(', ')}`,
      '',
      `Kill one (it comes back after 10 s) and go on sending: no request fails.  kill -9 ${first?.pid}`,
    );
  }
  return `${lines.join('\n')}\n\n`;
}
