import { availableParallelism, hostname } from 'node:os';
import { Command, type Option } from 'commander';
import type { ControllerCommandOptions } from './commands/controller.ts';
import type { ProxyCommandOptions } from './commands/proxy.ts';
import type { RunOptions } from './commands/run.ts';
import { EXAMPLES } from './examples.ts';
import { cidr, duration, flag, ipAddress, listenAddress, option, wholeNumber } from './options.ts';
import { addReadingCommands } from './reading-commands.ts';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];
/** As many as the shared table has rows for, with as many again while they are replaced. */
const MAX_WORKERS = 8;

/** The `evenkeel` command. Each command's code is loaded only when it is asked for. */
export function createProgram(): Command {
  const program = new Command('evenkeel')
    .description('A load balancer for layer 4 and layer 7: in a cluster, or from files in one process.')
    .showHelpAfterError('(--help tells what there is)')
    .addHelpText(
      'after',
      '\nEvery option can be given in the environment instead. Bad usage exits with 2, a failure with 1.',
    )
    .configureHelp({ optionDescription })
    .exitOverride();
  addRun(program);
  addController(program);
  addProxy(program);
  addValidate(program);
  addReadingCommands(program);
  for (const command of program.commands) {
    const examples = EXAMPLES[command.name()] ?? [];
    command.addHelpText('after', `\nExamples:\n${examples.map((line) => `  ${line}\n`).join('')}`);
  }
  return program;
}

/** What an option is for, its choices, its default as a person writes it, its twin. */
export function optionDescription(option: Option): string {
  const { description, argChoices, defaultValue, defaultValueDescription, envVar } = option;
  const notes: string[] = [];
  if (argChoices !== undefined) notes.push(argChoices.join(', '));
  if (defaultValue !== undefined && defaultValue !== false) {
    notes.push(`default: ${defaultValueDescription ?? String(defaultValue)}`);
  }
  if (envVar !== undefined) notes.push(envVar);
  return notes.length === 0 ? description : `${description} (${notes.join('; ')})`;
}

function addRun(program: Command): void {
  program
    .command('run')
    .summary('balance what manifests declare, in this process')
    .description(
      'Balance what manifests declare, in this process. Edits apply at once; a fault in one object is reported with file, line and field, and what was good before goes on. On a terminal a live table is drawn instead of the log. SIGTERM and SIGINT end it when open requests are done, a second one at once.',
    )
    .addOption(files())
    .addOption(bind('127.0.0.1'))
    .addOption(admin('where health, metrics and status are served'))
    .addOption(workers())
    .addOption(option('--denied-cidrs <cidrs...>', 'addresses that no backend may have').argParser(cidr))
    .addOption(flag('--demo', 'also start three small servers for the examples to send to'))
    .addOption(accessLog())
    .addOption(logLevel())
    .addOption(drainTimeout())
    .action(async (options: RunOptions) => {
      const { run } = await import('./commands/run.ts');
      process.exitCode = await run({ ...options, deniedCidrs: options.deniedCidrs ?? [] });
    });
}

function addController(program: Command): void {
  program
    .command('controller')
    .summary('the control plane: watch the API server, tell the proxies, write status')
    .description('The control plane: watch the API server, tell the proxies, write status.')
    .addOption(option('--kubeconfig <file>', "absent: KUBECONFIG, ~/.kube/config, the pod's service account"))
    .addOption(option('--class <name>', 'serve the pools of this class').default('default'))
    .addOption(option('--namespace <name>', "where the lease is; absent: the pod's own"))
    .addOption(option('--grpc <address>', 'where proxies connect').default(':9902').argParser(listenAddress))
    .addOption(admin('where health and metrics are served'))
    .addOption(
      option(
        '--denied-cidrs <cidrs...>',
        "addresses that no backend may have; absent: this machine's, its link's and the cloud's own",
      ).argParser(cidr),
    )
    .addOption(logLevel())
    .action(async (options: ControllerCommandOptions) => {
      const { controllerCommand } = await import('./commands/controller.ts');
      process.exitCode = await controllerCommand(options);
    });
}

function addProxy(program: Command): void {
  program
    .command('proxy')
    .summary('one proxy, told by controllers what to serve')
    .description('One proxy, told by controllers what to serve.')
    .addOption(
      option(
        '--controller <address>',
        'HOST:PORT of the controllers, several with commas',
      ).makeOptionMandatory(),
    )
    .addOption(option('--name <name>', "this proxy's name").default(hostname(), 'the name of the host'))
    .addOption(option('--state <folder>', 'where the last good snapshots are kept').makeOptionMandatory())
    .addOption(bind('0.0.0.0'))
    .addOption(admin('where health and metrics are served'))
    .addOption(workers())
    .addOption(option('--node <name>', 'the node that this proxy runs on, for locality'))
    .addOption(option('--zone <name>', 'the zone that this proxy runs in, for locality'))
    .addOption(accessLog())
    .addOption(logLevel())
    .addOption(
      option('--drain-delay <duration>', 'from not ready to no new connections, for routers to notice')
        .default(5_000, '5s')
        .argParser(duration),
    )
    .addOption(drainTimeout())
    .action(async (options: ProxyCommandOptions) => {
      const { proxyCommand } = await import('./commands/proxy.ts');
      process.exitCode = await proxyCommand(options);
    });
}

function addValidate(program: Command): void {
  program
    .command('validate')
    .summary('check manifests offline')
    .description(
      'Check manifests offline: schema, rules and references. Prints every fault as FILE:LINE:COLUMN: FIELD: MESSAGE and exits with 1 when there is one.',
    )
    .addOption(files())
    .addOption(option('--denied-cidrs <cidrs...>', 'addresses that no backend may have').argParser(cidr))
    .action(async (options: { file: string[]; deniedCidrs?: string[] }) => {
      const { validate } = await import('./commands/validate.ts');
      process.exitCode = await validate({ file: options.file, deniedCidrs: options.deniedCidrs ?? [] });
    });
}

function files(): Option {
  return option('-f, --file <path...>', 'files or folders of YAML manifests').makeOptionMandatory();
}

function bind(fallback: string): Option {
  return option('--bind <address>', 'where listeners without an address listen')
    .default(fallback)
    .argParser(ipAddress);
}

function admin(description: string): Option {
  return option('--admin <address>', description).default('127.0.0.1:9901').argParser(listenAddress);
}

function workers(): Option {
  const fallback = Math.min(availableParallelism(), MAX_WORKERS);
  return option('--workers <n>', 'threads that forward')
    .default(fallback, `one a core, at most ${MAX_WORKERS}`)
    .argParser(wholeNumber(1, MAX_WORKERS));
}

function accessLog(): Option {
  return flag('--access-log', 'write a line for each request to standard output');
}

function logLevel(): Option {
  return option('--log-level <level>', 'how much to log, to standard error').choices(LEVELS).default('info');
}

function drainTimeout(): Option {
  return option('--drain-timeout <duration>', 'how long to wait for open requests at the end')
    .default(30_000, '30s')
    .argParser(duration);
}
