/** What the controller's image runs: `evenkeel controller`, and none of the other commands. */
import { Command } from 'commander';
import { controllerCommand } from '../commands/controller.ts';
import { controllerLine } from '../controller-line.ts';
import { runProgram } from '../run-program.ts';

const program = new Command('evenkeel').exitOverride();
const line = controllerLine(async (options) => {
  // All has ended in good order; a connection attempt that the network swallows would hold the process up.
  process.exit(await controllerCommand(options));
});
program.addCommand(line.copyInheritedSettings(program));
await runProgram(program);
