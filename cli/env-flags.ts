import type { Command } from 'commander';

/**
 * Makes `EVENKEEL_ACCESS_LOG=false` mean what it says: the parser takes any value of a flag's variable for yes. Only
 * `true` and `1` are left for it to see; anything but those, `false`, `0` and nothing is bad usage.
 */
export function settleFlags(program: Command, env: NodeJS.ProcessEnv): void {
  for (const command of program.commands) {
    for (const { envVar, long } of command.options.filter((each) => each.isBoolean())) {
      const value = envVar === undefined ? undefined : env[envVar];
      if (envVar === undefined || value === undefined || value === 'true' || value === '1') continue;
      if (!['', 'false', '0'].includes(value)) {
        program.error(`error: ${envVar} is ${long}: true or false, not ${value}`);
      }
      delete env[envVar];
    }
  }
}
