import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { LOAD_CORE } from '../pinned.ts';
import type { Client } from './client.ts';

const execute = promisify(execFile);
const HOSTS = new URL('hosts.lua', import.meta.url).pathname;

export interface WrkOptions {
  readonly scheme?: 'http' | 'https';
  readonly path?: string;
  readonly connections?: number;
  /** Lines. */
  readonly headers?: readonly string[];
  /** Spreads requests over so many host names, `h0.example` and on. */
  readonly hosts?: number;
  readonly cores?: string;
}

/** HTTP/1.1, as fast as it is answered. */
export function wrk(options: WrkOptions = {}): Client {
  const { scheme = 'http', path = '/', connections = 50, headers = [], hosts, cores = LOAD_CORE } = options;
  return async (port, seconds) => {
    const lines = headers.flatMap((header) => ['-H', header]);
    const script = hosts === undefined ? [] : ['-s', HOSTS];
    const load = ['-t1', `-c${connections}`, `-d${seconds}s`, ...lines, ...script];
    const url = `${scheme}://127.0.0.1:${port}${path}`;
    const args = hosts === undefined ? [] : ['--', String(hosts)];
    const { stdout } = await execute('taskset', ['-c', cores, 'wrk', ...load, url, ...args]);
    return {
      requests: Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0),
      errors: /(Socket errors.*|Non-2xx.*)/.exec(stdout)?.[1] ?? '',
    };
  };
}
