import { hostname } from 'node:os';
import { Command } from 'commander';
import type { ProxyCommandOptions } from './commands/proxy.ts';
import {
  accessLog,
  admin,
  bind,
  drainTimeout,
  endpointMetrics,
  logLevel,
  metrics,
  probes,
  workers,
} from './common-options.ts';
import { duration, listed, option } from './options.ts';

/** The command line of `evenkeel proxy`. */
export function proxyLine(action: (options: ProxyCommandOptions) => Promise<void>): Command {
  return new Command('proxy')
    .summary('one proxy, told by controllers what to serve')
    .description('One proxy, told by controllers what to serve.')
    .addOption(
      option(
        '--controller <address>',
        'HOST:PORT of the controllers, several with commas',
      ).makeOptionMandatory(),
    )
    .addOption(option('--ca-file <file>', 'CA certificates of the controllers; with --token-file'))
    .addOption(option('--token-file <file>', 'the token that says who this proxy is; with --ca-file'))
    .addOption(
      option(
        '--tls-folder <folder>',
        'with tls.crt and tls.key: the certificate of this proxy, for controllers that want one; with --ca-file',
      ),
    )
    .addOption(option('--name <name>', "this proxy's name").default(hostname(), 'the name of the host'))
    .addOption(option('--state <folder>', 'where the last good snapshots are kept').makeOptionMandatory())
    .addOption(bind('0.0.0.0'))
    .addOption(admin('where health and metrics are served'))
    .addOption(probes())
    .addOption(metrics())
    .addOption(workers())
    .addOption(option('--node <name>', 'the node that this proxy runs on, for locality'))
    .addOption(option('--zone <name>', 'the zone that this proxy runs in, for locality'))
    .addOption(
      option(
        '--active-passive <name>',
        'of several proxies one takes the traffic: who holds this Lease, and stands in the EndpointSlice of that name',
      ),
    )
    .addOption(
      option('--addresses <addresses>', "this pod's own, with commas; for --active-passive").argParser(
        listed,
      ),
    )
    .addOption(
      option('--service-account <folder>', 'with token, ca.crt and namespace; for --active-passive').default(
        '/var/run/secrets/kubernetes.io/serviceaccount',
      ),
    )
    .addOption(accessLog())
    .addOption(endpointMetrics())
    .addOption(logLevel())
    .addOption(
      option('--drain-delay <duration>', 'from not ready to no new connections, for routers to notice')
        .default(5_000, '5s')
        .argParser(duration),
    )
    .addOption(drainTimeout())
    .action(action);
}
