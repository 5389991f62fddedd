import { Command, InvalidArgumentError } from 'commander';
import { parseClassRules, type ClassPolicy } from '../controller/resolve/class-policy.ts';
import type { ControllerCommandOptions } from './commands/controller.ts';
import { admin, logLevel, metrics, probes } from './common-options.ts';
import { cidr, listed, listenAddress, option } from './options.ts';

/** The command line of `evenkeel controller`. */
export function controllerLine(action: (options: ControllerCommandOptions) => Promise<void>): Command {
  return new Command('controller')
    .summary('the control plane: watch the API server, tell the proxies, write status')
    .description('The control plane: watch the API server, tell the proxies, write status.')
    .addOption(option('--kubeconfig <file>', "absent: KUBECONFIG, ~/.kube/config, the pod's service account"))
    .addOption(option('--class <name>', 'serve the pools of this class').default('default'))
    .addOption(
      option(
        '--namespace <name>',
        "where the lease and what is named below are; absent: the pod's own, else the kubeconfig's",
      ),
    )
    .addOption(
      option('--grpc <address>', 'where proxies connect; beyond loopback only with --proxy-service-accounts')
        .default('127.0.0.1:9902')
        .argParser(listenAddress),
    )
    .addOption(
      option(
        '--proxy-service-accounts <accounts>',
        'NAMESPACE/NAME of what proxies run as, several with commas: turns on certificates and tokens',
      ).argParser(listed),
    )
    .addOption(
      option('--ca-secret <name>', 'the Secret with the CA of the control stream').default('evenkeel-ca'),
    )
    .addOption(
      option('--ca-config-map <name>', 'the ConfigMap with the CA certificates that proxies trust').default(
        'evenkeel-ca',
      ),
    )
    .addOption(
      option(
        '--tls-folder <folder>',
        'with tls.crt, tls.key and ca.crt: the certificate of this controller and the authority of those that proxies then need; absent: the CA in the Secret signs',
      ),
    )
    .addOption(
      option('--proxy-selector <labels>', 'the pods of the proxies: a ready one is expected to serve'),
    )
    .addOption(option('--frontend <name>', 'the Service whose ports follow the listeners of the pools'))
    .addOption(
      option(
        '--active-proxy-lease <name>',
        'the Lease whose holder among the proxies takes the traffic; absent: all do',
      ),
    )
    .addOption(admin('where health and metrics are served'))
    .addOption(probes())
    .addOption(metrics())
    .addOption(
      option(
        '--denied-cidrs <cidrs...>',
        "addresses that no backend may have; absent: this machine's, its link's and the cloud's own",
      ).argParser(cidr),
    )
    .addOption(
      option(
        '--class-rules <json>',
        'which namespaces may listen on which ports and for which host names; absent: all on all',
      ).argParser(classRules),
    )
    .addOption(logLevel())
    .action(action);
}

function classRules(text: string): ClassPolicy {
  try {
    return parseClassRules(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
