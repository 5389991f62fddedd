import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { LOAD_CORE } from '../pinned.ts';
import type { Client } from './client.ts';

const execute = promisify(execFile);

/** HTTP/2 by prior knowledge: connections with so many requests under way on each. `more` are arguments of h2load. */
export function h2load({ connections = 10, streams = 10, more = [] as readonly string[] } = {}): Client {
  return async (port, seconds) => {
    const load = ['-c', String(connections), '-m', String(streams), '-D', String(seconds), ...more];
    const url = `http://127.0.0.1:${port}/`;
    const { stdout } = await execute('taskset', ['-c', LOAD_CORE, 'h2load', ...load, url]);
    const [, succeeded = '0', failed = '0', errored = '0'] =
      /(\d+) succeeded, (\d+) failed, (\d+) errored/.exec(stdout) ?? [];
    const errors = Number(failed) + Number(errored);
    return { requests: Number(succeeded), errors: errors === 0 ? '' : `${errors} failed` };
  };
}
