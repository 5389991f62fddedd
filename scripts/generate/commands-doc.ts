/** docs/commands.md, from the very commands. */
import type { Argument, Command, Option } from 'commander';
import { EXAMPLES } from '../../cli/examples.ts';
import { createProgram, defaultText } from '../../cli/program.ts';
import { banner, table } from './markdown.ts';

export function commandsDoc(): string {
  const program = createProgram();
  return `${banner('cli/')}
# Commands

One executable, \`evenkeel\`; the same names in the images.
With \`bin/\` on the PATH it is also a kubectl plugin: \`kubectl evenkeel get\` is \`evenkeel get\`.

Every option can be given in the environment instead; an option counts before its variable, and of a flag's variable \`true\` and \`1\` mean yes, \`false\` and \`0\` no.
\`--help\` works on each command.

| exit code | means |
|---|---|
| 0 | done; for \`run\`, \`proxy\` and \`controller\`: ended by a signal, in good order |
| 1 | it could not start, or could not do it; the reason is on standard error |
| 2 | bad usage; the reason is on standard error |

${program.commands.map(section).join('\n')}`;
}

function section(command: Command): string {
  const args = command.registeredArguments.map(usageOf).join(' ');
  const parts = [`## evenkeel ${command.name()}\n`, `${command.description()}\n`];
  parts.push(`\`evenkeel ${command.name()}${args === '' ? '' : ` ${args}`} [options]\`\n`);
  const rows = command.options.map((option) => [
    `\`${option.flags}\``,
    meaning(option),
    defaultText(option) ?? '',
    option.envVar === undefined ? '' : `\`${option.envVar}\``,
  ]);
  parts.push(table(['option', 'means', 'default', 'environment'], rows));
  parts.push(`\`\`\`sh\n${(EXAMPLES[command.name()] ?? []).join('\n')}\n\`\`\`\n`);
  return parts.join('\n');
}

function usageOf(argument: Argument): string {
  return argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
}

function meaning({ description, argChoices, mandatory }: Option): string {
  const choices = argChoices === undefined ? '' : `: ${argChoices.map((each) => `\`${each}\``).join(', ')}`;
  return `${description}${choices}${mandatory ? '; required' : ''}`;
}
