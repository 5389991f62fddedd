import { describe, expect, it } from 'vitest';
import { settleFlags } from '../../../cli/env-flags.ts';
import { EXAMPLES } from '../../../cli/examples.ts';
import { createProgram, optionDescription } from '../../../cli/program.ts';

const COMMANDS = createProgram().commands;

describe('the commands', () => {
  it.each(COMMANDS.map((command) => [command.name(), command] as const))(
    '%s has a twin in the environment for each option, and examples',
    (name, command) => {
      for (const option of command.options) {
        const twin = option.long?.slice(2).replaceAll('-', '_').toUpperCase();
        expect(option.envVar).toBe(`EVENKEEL_${twin}`);
      }
      expect(EXAMPLES[name]).not.toHaveLength(0);
    },
  );

  it('write defaults as a person does', () => {
    const proxy = COMMANDS.find((command) => command.name() === 'proxy');
    const texts = proxy?.options.map(optionDescription).join('\n');
    expect(texts).toContain('default: 30s');
    expect(texts).not.toMatch(/default: (30000|5000|false)/);
  });
});

describe('settleFlags', () => {
  it('leaves a flag’s variable only when it says yes', () => {
    const env = { EVENKEEL_DEMO: 'false', EVENKEEL_UNDO: '0', EVENKEEL_ACCESS_LOG: 'true' };
    settleFlags(createProgram(), env);
    expect(env).toEqual({ EVENKEEL_ACCESS_LOG: 'true' });
  });

  it('refuses what is neither yes nor no', () => {
    const program = createProgram().configureOutput({ writeErr: () => undefined });
    expect(() => settleFlags(program, { EVENKEEL_DEMO: 'perhaps' })).toThrow(/EVENKEEL_DEMO/);
  });
});
