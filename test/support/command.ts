import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually } from './eventually.ts';

export const BIN = join(import.meta.dirname, '../../bin');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  /** Beside PATH and a home without a kubeconfig. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A command that has been started and goes on. */
export interface RunningCommand {
  readonly child: ChildProcess;
  readonly stdout: string;
  readonly stderr: string;
  /** Waits until what it has written, to either, matches. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  ended(): Promise<Outcome>;
}

/** Runs `bin/<name>` to its end, as a user would. */
export async function command(
  args: readonly string[],
  options: CommandOptions & { readonly name?: string } = {},
): Promise<Outcome> {
  return startProgram(join(BIN, options.name ?? 'evenkeel'), args, options).ended();
}

/** Starts `bin/evenkeel`. */
export function startCommand(args: readonly string[], options: CommandOptions = {}): RunningCommand {
  return startProgram(join(BIN, 'evenkeel'), args, options);
}

export function startProgram(
  program: string,
  args: readonly string[],
  { cwd, env = {} }: CommandOptions = {},
): RunningCommand {
  const child = spawn(program, args, {
    cwd,
    env: { PATH: `${BIN}:${process.env['PATH']}`, HOME: '/nonexistent', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
  }
  const closed = once(child, 'close');
  return {
    child,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    says: (pattern) =>
      eventually(`${args.join(' ')} says ${pattern}`, () => {
        const match = pattern.exec(output.stdout) ?? pattern.exec(output.stderr);
        if (match === null && child.exitCode !== null) throw new Error(output.stdout + output.stderr);
        return match ?? undefined;
      }),
    async ended() {
      const [code] = (await closed) as [number | null];
      return { code, ...output };
    },
  };
}
