import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { isIP } from 'node:net';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { isLoopback, parseAddress, serveAdminPages, type AdminAddresses } from '../lib/admin-server.ts';
import { systemClock, systemRng, type Clock, type Rng } from '../lib/clock.ts';
import { ActiveProxy } from './frontend/active-proxy.ts';
import { Frontend } from './frontend/frontend.ts';
import { formatMetrics, metricsFormat } from '../lib/metrics-format.ts';
import { statusPageRoutes } from '../lib/status-page/routes.ts';
import { TrafficHistory } from '../lib/traffic-history.ts';
import { sampleTraffic } from '../lib/traffic-sampler.ts';
import { version } from '../lib/version.ts';
import { createKubeClient, kubeConfig, type KubeConfig } from './kube/client.ts';
import { LeaderElection, type LeaseTiming } from './kube/lease.ts';
import type { ListWatchTiming } from './kube/list-watch.ts';
import { ControlLoop } from './loop.ts';
import { controllerMetrics } from './observe/metrics.ts';
import { controllerSource } from './observe/status-source.ts';
import { serveControl } from './push/server.ts';
import type { ClassPolicy } from './resolve/class-policy.ts';
import { CONTROLLER_DENIED_CIDRS, denyAddresses } from './resolve/denied-addresses.ts';
import type { StatusLimits } from './status/writer.ts';
import { startTrust, type Trust, type TrustOptions } from './trust/start-trust.ts';

export interface ControllerOptions {
  /** A file, or what is in one; absent: `KUBECONFIG`, the pod's service account, `~/.kube/config`. */
  readonly kubeconfig?: string | KubeConfig;
  /** Pools with this `spec.className` are ours. */
  readonly className: string;
  /** Where the lease is; absent: the namespace of the kubeconfig, or the pod's own. */
  readonly namespace?: string;
  /** `host:port` for the proxies' streams; port 0 takes a free one. */
  readonly grpc: string;
  /** `host:port` for health and metrics. */
  readonly admin: AdminAddresses;
  /** Ranges that no backend may have; absent: this machine's and the cloud's own, and the API server's address. */
  readonly deniedCidrs?: readonly string[];
  /** Which namespaces may use which ports and host names; absent: each all of them. */
  readonly policy?: ClassPolicy;
  /** Name of the Service, in `namespace`, whose ports follow the listeners; absent: none does. */
  readonly frontend?: string;
  /** Name of the Lease, in `namespace`, whose holder among the proxies takes the traffic; absent: all of them do. */
  readonly activeProxyLease?: string;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly rng?: Rng;
  readonly leaseTiming?: LeaseTiming;
  readonly watchTiming?: Partial<ListWatchTiming>;
  readonly statusLimits?: Partial<StatusLimits>;
  readonly maxStreamAgeMs?: number;
  /** Label selector of the proxies' pods, in the controller's namespace; a ready one is expected to serve. */
  readonly proxySelector?: string;
  /** Absent: streams are in clear and anybody may open one, so `grpc` must be on loopback. */
  readonly trust?: TrustOptions;
}

export interface Controller {
  readonly grpcPort: number;
  /** `host:port` that the admin pages are on. */
  readonly adminAddress: string;
  readonly leading: boolean;
  /** Lets another lead at once, and ends the proxies' streams. */
  close(): Promise<void>;
}

/** Puts the parts of a controller together and starts them. Resolves when it listens; it may not have synced yet. */
export async function runController(options: ControllerOptions): Promise<Controller> {
  const { log, className, clock = systemClock, rng = systemRng } = options;
  const config = typeof options.kubeconfig === 'object' ? options.kubeconfig : kubeConfig(options.kubeconfig);
  const client = createKubeClient(config);
  const registry = new Registry();
  const metrics = controllerMetrics(registry);
  const identity = `${hostname()}_${randomBytes(4).toString('hex')}`;
  const denied = options.deniedCidrs ?? [...CONTROLLER_DENIED_CIDRS, ...apiServerCidr(config)];
  const namespace = options.namespace ?? client.namespace;
  let election: LeaderElection | undefined;
  let synced = false;
  let closed = false;

  const leading = (): boolean => election?.leading ?? false;
  const frontend =
    options.frontend === undefined
      ? undefined
      : new Frontend({
          client,
          namespace,
          service: options.frontend,
          leading,
          onAddresses: () => loop.addressesChanged(),
          clock,
          rng,
          log,
        });
  const activeProxy =
    options.activeProxyLease === undefined
      ? undefined
      : new ActiveProxy({
          client,
          namespace,
          lease: options.activeProxyLease,
          onChange: () => loop.redundancyChanged(),
          clock,
          rng,
          log,
        });
  const loop: ControlLoop = new ControlLoop({
    client,
    className,
    identity,
    denied: denyAddresses(denied),
    leading,
    challenged: () => election?.challenged(),
    metrics,
    ...(options.proxySelector === undefined
      ? {}
      : { proxyPods: { namespace, labelSelector: options.proxySelector } }),
    clock,
    rng,
    log,
    ...(options.trust === undefined ? {} : { ticketSecret: () => trust?.ticketSecret() }),
    ...(options.watchTiming === undefined ? {} : { timing: options.watchTiming }),
    ...(options.policy === undefined ? {} : { policy: options.policy }),
    ...(frontend === undefined ? {} : { frontend }),
    redundancy: () => activeProxy?.status ?? { mode: 'ActiveActive' },
    ...(options.statusLimits === undefined ? {} : { statusLimits: options.statusLimits }),
  });
  const edges = { client, namespace, leading, clock, rng, log };
  const onTicketSecret = (): void => loop.ticketSecretChanged();
  const trust: Trust | undefined =
    options.trust === undefined ? undefined : startTrust(options.trust, { ...edges, onTicketSecret });
  if (trust === undefined && !isLoopback(parseAddress(options.grpc).host)) {
    throw new Error(`without certificates the control stream stays on loopback: ${options.grpc} is not`);
  }
  const server = await serveControl({
    fleet: loop.fleet,
    address: options.grpc,
    ...(trust === undefined ? {} : { credentials: trust.credentials, authenticate: trust.authenticate }),
    clock,
    rng,
    log,
    ...(options.maxStreamAgeMs === undefined ? {} : { maxAgeMs: options.maxStreamAgeMs }),
  });
  const traffic = new TrafficHistory();
  const stopSampling = sampleTraffic(traffic, () => Promise.resolve(loop.traffic()), clock);
  const admin = await serveAdminPages(options.admin, {
    ...statusPageRoutes(
      controllerSource({ loop, traffic, version: await version(), className, leading, clock }),
    ),
    'GET /healthz': () => ({ body: 'ok\n' }),
    'GET /readyz': () => (synced ? { body: 'ok\n' } : { status: 503, body: 'not synced\n' }),
    'GET /metrics': async ({ accept }) => {
      loop.measure();
      return formatMetrics([await registry.getMetricsAsJSON()], metricsFormat(accept));
    },
  });

  const begin = async (): Promise<void> => {
    frontend?.start();
    activeProxy?.start();
    await loop.start();
    if (closed) return;
    synced = true;
    log.info({ className }, 'synced');
    election = new LeaderElection({
      client,
      namespace,
      name: `evenkeel-${className}`,
      identity,
      onLead: (epoch) => {
        loop.lead(epoch);
        trust?.check();
        frontend?.lead();
      },
      onFollow: () => loop.follow(),
      knownEpoch: () => loop.fleet.highestEpoch(),
      clock,
      rng,
      log,
      ...(options.leaseTiming === undefined ? {} : { timing: options.leaseTiming }),
    });
    election.start();
  };
  begin().catch((error: unknown) => log.fatal({ err: error }, 'the controller cannot start'));

  return {
    grpcPort: server.port,
    adminAddress: admin.address,
    get leading() {
      return leading();
    },
    async close() {
      closed = true;
      stopSampling();
      await election?.close();
      await frontend?.close();
      await activeProxy?.stop();
      await loop.close();
      await server.close();
      await trust?.close();
      await admin.close();
      await client.close();
    },
  };
}

/** No pool may lead to the API server. */
function apiServerCidr(config: KubeConfig): string[] {
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) return [];
  const host = new URL(server).hostname.replace(/^\[|\]$/g, '');
  const version = isIP(host);
  if (version === 0) return [];
  return [`${host}/${version === 4 ? 32 : 128}`];
}
