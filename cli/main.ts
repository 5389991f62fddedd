/** The `evenkeel` command, also `kubectl evenkeel`. Each command's code is loaded only when it is asked for. */
import { hostname } from 'node:os';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { ExplainOptions } from './commands/explain.ts';
import type { GetOptions } from './commands/get.ts';
import { durationMs } from '../controller/resolve/units.ts';
import type { ControllerCommandOptions } from './commands/controller.ts';
import type { ProxyCommandOptions } from './commands/proxy.ts';
import type { RunOptions } from './commands/run.ts';
import type { PoolSource } from './sources/pool-source.ts';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

const program = new Command('evenkeel')
  .description('A load balancer for layer 4 and layer 7: in a cluster, or from files in one process.')
  .showHelpAfterError('(--help tells what there is)')
  .exitOverride();

/** An option with its twin in the environment: `--log-level` is `EVENKEEL_LOG_LEVEL`. */
function option(flags: string, description: string, fallback?: unknown): Option {
  const made = new Option(flags, description);
  const name = made.attributeName().replaceAll(/[A-Z]/g, (letter) => `_${letter}`);
  made.env(`EVENKEEL_${name.toUpperCase()}`);
  return fallback === undefined ? made : made.default(fallback);
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`a whole number from ${min} to ${max} is wanted`);
  };
}

/** Durations are written as in the resource: `30s`, `1m30s`, `250ms`. */
function duration(text: string): number {
  if (!/^([0-9]{1,5}(h|m|s|ms)){1,4}$/.test(text))
    throw new InvalidArgumentError('a duration such as 30s is wanted');
  return durationMs(text);
}

const logLevel = (): Option => option('--log-level <level>', 'how much to log', 'info').choices(LEVELS);
const files = (): Option =>
  option('-f, --file <path...>', 'files or folders of YAML manifests').makeOptionMandatory();

program
  .command('run')
  .description('balance what manifests declare, in this process; edits apply at once')
  .addOption(files())
  .addOption(option('--bind <address>', 'where listeners without an address listen', '127.0.0.1'))
  .addOption(option('--admin <address>', 'where health, metrics and status are served', '127.0.0.1:9901'))
  .addOption(option('--workers <n>', 'threads that forward; absent: one a core').argParser(wholeNumber(1, 8)))
  .addOption(option('--denied-cidrs <cidrs...>', 'addresses that no backend may have', []))
  .addOption(option('--demo', 'also start three small servers for the examples to send to', false))
  .addOption(option('--access-log', 'write a line for each request to standard output', false))
  .addOption(
    option('--log-level <level>', 'trace, debug, info, warn, error or silent', 'info').choices(LEVELS),
  )
  .addOption(
    option('--drain-timeout <ms>', 'how long to wait for open requests at the end', 30_000).argParser(
      wholeNumber(0, 86_400_000),
    ),
  )
  .action(async (options: RunOptions) => {
    const { run } = await import('./commands/run.ts');
    process.exitCode = await run(options);
  });

program
  .command('controller')
  .description('the control plane: watch the API server, tell the proxies, write status')
  .addOption(option('--kubeconfig <file>', "absent: KUBECONFIG, the pod's service account, ~/.kube/config"))
  .addOption(option('--class <name>', 'serve the pools of this class', 'default'))
  .addOption(option('--namespace <name>', "where the lease is; absent: the pod's own"))
  .addOption(
    option(
      '--grpc <address>',
      'where proxies connect; beyond loopback only with --proxy-service-accounts',
      '127.0.0.1:9902',
    ),
  )
  .addOption(
    option(
      '--proxy-service-accounts <accounts...>',
      'NAMESPACE/NAME of what proxies run as: turns on certificates and tokens',
    ),
  )
  .addOption(option('--ca-secret <name>', 'the Secret with the CA of the control stream', 'evenkeel-ca'))
  .addOption(
    option(
      '--ca-config-map <name>',
      'the ConfigMap with the CA certificates that proxies trust',
      'evenkeel-ca',
    ),
  )
  .addOption(option('--proxy-selector <labels>', 'the pods of the proxies: a ready one is expected to serve'))
  .addOption(option('--admin <address>', 'where health and metrics are served', '127.0.0.1:9901'))
  .addOption(
    option('--denied-cidrs <cidrs...>', 'addresses that no backend may have, instead of the default list'),
  )
  .addOption(logLevel())
  .action(async (options: ControllerCommandOptions) => {
    const { controllerCommand } = await import('./commands/controller.ts');
    process.exitCode = await controllerCommand(options);
  });

program
  .command('proxy')
  .description('one proxy, told by controllers what to serve')
  .addOption(
    option(
      '--controller <address>',
      'HOST:PORT of the controllers, several with commas',
    ).makeOptionMandatory(),
  )
  .addOption(option('--name <name>', "this proxy's name, the pod's", hostname()))
  .addOption(option('--state <folder>', 'where the last good snapshots are kept').makeOptionMandatory())
  .addOption(option('--ca-file <file>', 'CA certificates of the controllers; with --token-file'))
  .addOption(option('--token-file <file>', 'the token that says who this proxy is; with --ca-file'))
  .addOption(option('--bind <address>', 'where listeners without an address listen', '0.0.0.0'))
  .addOption(option('--admin <address>', 'where health and metrics are served', '127.0.0.1:9901'))
  .addOption(option('--workers <n>', 'threads that forward; absent: one a core').argParser(wholeNumber(1, 8)))
  .addOption(option('--node <name>', 'the node this proxy runs on, for locality'))
  .addOption(option('--zone <name>', 'the zone this proxy runs in, for locality'))
  .addOption(option('--access-log', 'write a line for each request to standard output', false))
  .addOption(logLevel())
  .addOption(
    option(
      '--drain-delay <duration>',
      'from not ready to no new connections, for routers to notice',
      5_000,
    ).argParser(duration),
  )
  .addOption(
    option('--drain-timeout <duration>', 'how long to wait for open requests at the end', 30_000).argParser(
      duration,
    ),
  )
  .action(async (options: ProxyCommandOptions) => {
    const { proxyCommand } = await import('./commands/proxy.ts');
    process.exitCode = await proxyCommand(options);
  });

program
  .command('validate')
  .description(
    'check manifests offline: schema, rules and references; every fault with its file, line and field',
  )
  .addOption(files())
  .addOption(option('--denied-cidrs <cidrs...>', 'addresses that no backend may have', []))
  .action(async (options: { file: string[]; deniedCidrs: string[] }) => {
    const { validate } = await import('./commands/validate.ts');
    process.exitCode = await validate(options);
  });

const admin = (): Option =>
  option('--admin <address>', 'the admin address of a standalone process', '127.0.0.1:9901');
const namespace = (): Option => option('-n, --namespace <name>', 'only pools of this namespace');

program
  .command('get')
  .description('pools with their state; with a name also its endpoints')
  .argument('[name]', 'name of a pool')
  .addOption(
    option('-o, --output <format>', 'how').choices(['table', 'wide', 'json', 'yaml']).default('table'),
  )
  .addOption(namespace())
  .addOption(admin())
  .action(async (name: string | undefined, options: GetOptions & { admin: string }) => {
    const { get } = await import('./commands/get.ts');
    process.exitCode = await get(await sourceOf(options), name, options);
  });

program
  .command('describe')
  .description('all that the status of a pool says, its conditions with their reasons and every endpoint')
  .argument('[name]', 'name of a pool')
  .addOption(namespace())
  .addOption(admin())
  .action(async (name: string | undefined, options: { namespace?: string; admin: string }) => {
    const { describe } = await import('./commands/get.ts');
    process.exitCode = await describe(await sourceOf(options), name, options.namespace);
  });

program
  .command('drain')
  .description('send nothing new to an endpoint, and let it finish what it has')
  .argument('<pool>', 'name of the pool')
  .argument('<endpoint>', 'ADDRESS:PORT')
  .addOption(option('-n, --namespace <name>', 'namespace of the pool', 'default'))
  .addOption(option('--undo', 'bring it back', false))
  .addOption(admin())
  .action(
    async (pool: string, endpoint: string, options: { namespace: string; undo: boolean; admin: string }) => {
      const { drain } = await import('./commands/drain.ts');
      process.exitCode = await drain(await sourceOf(options), pool, endpoint, options);
    },
  );

program
  .command('explain')
  .description('which route, backend and endpoints a request would get, and why the others lost')
  .requiredOption('--url <url>', 'such as http://shop.example.com:8080/api?page=2')
  .option('--method <method>', 'the method', 'GET')
  .option('--header <header...>', 'such as "x-tier: gold"', [])
  .option('--body <text>', 'the body; its type in a content-type header')
  .option('--client-address <address>', 'where the request comes from', '127.0.0.1')
  .addOption(new Option('-o, --output <format>', 'how').choices(['table', 'json']).default('table'))
  .addOption(admin())
  .action(async (options: ExplainOptions & { admin: string }) => {
    const { explainCommand } = await import('./commands/explain.ts');
    process.exitCode = await explainCommand(await sourceOf(options), options);
  });

program
  .command('top')
  .description('pools with their rates, and endpoints in trouble, live')
  .addOption(admin())
  .action(async (options: { admin: string }) => {
    const { top } = await import('./commands/top.ts');
    const { stopSignal } = await import('./stop-signals.ts');
    process.exitCode = await top(await sourceOf(options), stopSignal());
  });

async function sourceOf(options: { admin: string }): Promise<PoolSource> {
  const { adminSource } = await import('./sources/admin-source.ts');
  return adminSource(options.admin);
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(`evenkeel: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
