/** The `evenkeel` command, also `kubectl evenkeel`. */
import { CommanderError } from 'commander';
import { settleFlags } from './env-flags.ts';
import { createProgram } from './program.ts';

const program = createProgram();
try {
  settleFlags(program, process.env);
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(`evenkeel: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
