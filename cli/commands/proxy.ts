import type { Logger } from 'pino';
import { portsOf, type ServicePort } from '../../api/service-ports.ts';
import { parseAddress, serveAdminPages } from '../../lib/admin-server.ts';
import { systemClock, systemRng } from '../../lib/clock.ts';
import { connectionBudget } from '../../lib/file-descriptors.ts';
import { createLog } from '../../lib/log.ts';
import { version } from '../../lib/version.ts';
import { proxyRoutes } from '../../proxy/observe/admin-routes.ts';
import { Proxy } from '../../proxy/proxy.ts';
import type { ActivePassive } from '../../proxy/redundancy/active-passive.ts';
import { startActivePassive } from '../../proxy/redundancy/start.ts';
import { startProxySync } from '../../proxy/sync/sync.ts';
import { trustFiles } from '../../proxy/sync/trust-files.ts';
import { forceSignal, stopSignal } from '../stop-signals.ts';

export interface ProxyCommandOptions {
  readonly controller: string;
  readonly name: string;
  readonly state: string;
  readonly caFile: string | undefined;
  readonly tokenFile: string | undefined;
  readonly tlsFolder: string | undefined;
  readonly bind: string;
  readonly admin: string;
  readonly probes: string | undefined;
  readonly metrics: string | undefined;
  readonly workers: number;
  readonly node: string | undefined;
  readonly zone: string | undefined;
  /** Name of the Lease and of the EndpointSlice. */
  readonly activePassive: string | undefined;
  readonly addresses: string[] | undefined;
  readonly serviceAccount: string;
  readonly accessLog: boolean;
  readonly endpointMetrics: number;
  readonly logLevel: string;
  /** Milliseconds. */
  readonly drainDelay: number;
  /** Milliseconds. */
  readonly drainTimeout: number;
}

/** `evenkeel proxy`: one proxy, told by controllers what to serve, until a signal ends it. 1 when open requests were cut off. */
export async function proxyCommand(options: ProxyCommandOptions): Promise<number> {
  const { caFile, tokenFile, tlsFolder } = options;
  if ((caFile === undefined) !== (tokenFile === undefined)) {
    process.stderr.write('evenkeel proxy: --ca-file and --token-file go together\n');
    return 2;
  }
  if (tlsFolder !== undefined && caFile === undefined) {
    process.stderr.write('evenkeel proxy: --tls-folder needs --ca-file and --token-file\n');
    return 2;
  }
  if (
    options.activePassive !== undefined &&
    (options.addresses === undefined || options.probes === undefined)
  ) {
    process.stderr.write('evenkeel proxy: --active-passive needs --addresses and --probes\n');
    return 2;
  }
  const log = createLog(options.logLevel);
  await using ends = new AsyncDisposableStack();
  const proxy = await Proxy.start({
    bindAddress: options.bind,
    workers: options.workers,
    clock: systemClock,
    rng: systemRng,
    log,
    accessLog: options.accessLog,
    endpointMetrics: options.endpointMetrics,
    maxConnections: await connectionBudget(),
    ...(options.zone === undefined ? {} : { zone: options.zone }),
    ...(options.node === undefined ? {} : { nodeName: options.node }),
  });
  ends.defer(() => proxy.close());
  const sync = await startProxySync({
    controllers: options.controller,
    name: options.name,
    version: await version(),
    stateDir: options.state,
    sink: proxy,
    ...(caFile === undefined || tokenFile === undefined
      ? {}
      : trustFiles({ caFile, tokenFile, ...(tlsFolder === undefined ? {} : { tlsFolder }) })),
    clock: systemClock,
    rng: systemRng,
    log,
    ...(options.zone === undefined ? {} : { zone: options.zone }),
    ...(options.node === undefined ? {} : { node: options.node }),
  });
  ends.defer(() => sync.close());
  proxy.follow(sync);
  const admin = await serveAdminPages(
    options,
    proxyRoutes(proxy, () => sync.ready),
  );
  ends.defer(() => admin.close());

  const redundancy = await standBy(proxy, () => sync.ready, options, log);

  await stopSignal();
  const forced = forceSignal();
  // Another takes over while this one still serves.
  await Promise.all([redundancy?.release(), proxy.drain(options.drainDelay, options.drainTimeout, forced)]);
  return forced.aborted ? 1 : 0;
}

/** One of several proxies, of which one takes the traffic. */
async function standBy(
  proxy: Proxy,
  synced: () => boolean,
  options: ProxyCommandOptions,
  log: Logger,
): Promise<ActivePassive | undefined> {
  const { activePassive, addresses, probes, name, serviceAccount, node, zone } = options;
  if (activePassive === undefined || addresses === undefined || probes === undefined) return undefined;
  const { port } = parseAddress(probes);
  const status: ServicePort = { name: 'status', protocol: 'TCP', port, targetPort: port };
  const redundancy = await startActivePassive({
    objectName: activePassive,
    serviceAccount,
    name,
    addresses,
    probePort: port,
    ready: () => synced() && proxy.ready,
    ports: () => [status, ...portsOf(proxy.pools.flatMap(({ config }) => config.listeners))],
    ...(node === undefined ? {} : { node }),
    ...(zone === undefined ? {} : { zone }),
    clock: systemClock,
    log,
  });
  proxy.standBy(redundancy);
  proxy.onChange(() => redundancy.portsChanged());
  return redundancy;
}
