import { Command, type Option } from 'commander';
import type { RunOptions } from './commands/run.ts';
import {
  accessLog,
  admin,
  bind,
  drainTimeout,
  endpointMetrics,
  logLevel,
  workers,
} from './common-options.ts';
import { controllerLine } from './controller-line.ts';
import { EXAMPLES } from './examples.ts';
import { cidr, flag, option } from './options.ts';
import { proxyLine } from './proxy-line.ts';
import { addReadingCommands } from './reading-commands.ts';

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
  addLine(
    program,
    controllerLine(async (options) => {
      const { controllerCommand } = await import('./commands/controller.ts');
      process.exitCode = await controllerCommand(options);
    }),
  );
  addLine(
    program,
    proxyLine(async (options) => {
      const { proxyCommand } = await import('./commands/proxy.ts');
      process.exitCode = await proxyCommand(options);
    }),
  );
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
  const { description, argChoices, envVar } = option;
  const notes: string[] = [];
  if (argChoices !== undefined) notes.push(argChoices.join(', '));
  const fallback = defaultText(option);
  if (fallback !== undefined) notes.push(`default: ${fallback}`);
  if (envVar !== undefined) notes.push(envVar);
  return notes.length === 0 ? description : `${description} (${notes.join('; ')})`;
}

/** Adds a command that was made apart, with the settings of all commands. */
function addLine(program: Command, line: Command): void {
  program.addCommand(line.copyInheritedSettings(program));
}

/** The default as a person would write it; undefined when there is none to speak of. */
export function defaultText({ defaultValue, defaultValueDescription }: Option): string | undefined {
  const value: unknown = defaultValue;
  if (value === undefined || value === false) return undefined;
  return defaultValueDescription ?? (typeof value === 'string' ? value : JSON.stringify(value));
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
    .addOption(endpointMetrics())
    .addOption(logLevel())
    .addOption(drainTimeout())
    .action(async (options: RunOptions) => {
      const { run } = await import('./commands/run.ts');
      process.exitCode = await run({ ...options, deniedCidrs: options.deniedCidrs ?? [] });
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
