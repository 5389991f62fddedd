/** The `evenkeel` command, also `kubectl evenkeel`. Each command's code is loaded only when it is asked for. */
import { Command, CommanderError, Option } from 'commander';

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

const files = (): Option =>
  option('-f, --file <path...>', 'files or folders of YAML manifests').makeOptionMandatory();

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
