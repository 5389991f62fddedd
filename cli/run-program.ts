import { CommanderError, type Command } from 'commander';
import { version } from '../lib/version.ts';
import { settleFlags } from './env-flags.ts';

/** Parses the command line and does what it says; bad usage ends with 2, a failure with 1 and its reason. */
export async function runProgram(program: Command): Promise<void> {
  // A full disk or a reader that is gone is no reason to stop serving.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    program.version(await version(), '-V, --version', 'say the version');
    settleFlags(program, process.env);
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2;
    } else {
      process.stderr.write(`evenkeel: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1); // whatever was started before it failed is given up
    }
  }
}
