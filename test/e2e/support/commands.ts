import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export async function run(command: string, args: readonly string[], input?: string): Promise<string> {
  const running = execute(command, args, { maxBuffer: 64 * 1024 * 1024 });
  running.child.stdin?.end(input ?? '');
  const { stdout } = await running;
  return stdout;
}

export const kubectl = (...args: string[]): Promise<string> => run('kubectl', args);

export const helm = (...args: string[]): Promise<string> => run('helm', args);

export const apply = (namespace: string, manifests: string): Promise<string> =>
  run('kubectl', ['--namespace', namespace, 'apply', '--filename', '-'], manifests);

/** Empty, whatever an earlier run has left there. */
export async function newNamespace(name: string): Promise<void> {
  await kubectl('delete', 'namespace', name, '--ignore-not-found');
  await kubectl('create', 'namespace', name);
}

/** An object, or a list, as JSON. */
export async function get<T>(...args: string[]): Promise<T> {
  return JSON.parse(await kubectl('get', '--output', 'json', ...args)) as T;
}

/** Restarts a workload's pods one after the other, and waits for the end of that. */
export async function rollOut(namespace: string, workload: string): Promise<void> {
  await kubectl('--namespace', namespace, 'rollout', 'restart', workload);
  await kubectl('--namespace', namespace, 'rollout', 'status', workload, '--timeout', '180s');
}
