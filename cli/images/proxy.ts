/** What the proxy's image runs: `evenkeel proxy`, and none of the other commands. */
import { Command } from 'commander';
import { collectAfterStart } from '../../lib/collect-garbage.ts';
import { proxyCommand } from '../commands/proxy.ts';
import { proxyLine } from '../proxy-line.ts';
import { runProgram } from '../run-program.ts';

collectAfterStart();
const program = new Command('evenkeel').exitOverride();
const line = proxyLine(async (options) => {
  // All has ended in good order; a connection attempt that the network swallows would hold the process up.
  process.exit(await proxyCommand(options));
});
program.addCommand(line.copyInheritedSettings(program));
await runProgram(program);
