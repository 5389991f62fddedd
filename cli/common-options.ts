import { availableParallelism } from 'node:os';
import type { Option } from 'commander';
import { duration, flag, ipAddress, listenAddress, option, wholeNumber } from './options.ts';

/** Options that several commands have. */

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];
/** As many as the shared table has rows for, with as many again while they are replaced. */
const MAX_WORKERS = 8;

export function bind(fallback: string): Option {
  return option('--bind <address>', 'where listeners without an address listen')
    .default(fallback)
    .argParser(ipAddress);
}

export function admin(description: string): Option {
  return option('--admin <address>', description).default('127.0.0.1:9901').argParser(listenAddress);
}

/** Where a process in a pod answers its kubelet, and the Service's status port: nothing but ready or not. */
export function probes(): Option {
  return option(
    '--probes <address>',
    'where /healthz and /readyz are served too, and nothing else',
  ).argParser(listenAddress);
}

export function metrics(): Option {
  return option('--metrics <address>', 'where /metrics is served too, and nothing else').argParser(
    listenAddress,
  );
}

export function workers(): Option {
  const fallback = Math.min(availableParallelism(), MAX_WORKERS);
  return option('--workers <n>', 'threads that forward')
    .default(fallback, `one a core, at most ${MAX_WORKERS}`)
    .argParser(wholeNumber(1, MAX_WORKERS));
}

export function accessLog(): Option {
  return flag('--access-log', 'write a line for each request to standard output');
}

export function endpointMetrics(): Option {
  return option('--endpoint-metrics <n>', 'endpoints that may have metrics of their own, over all pools')
    .default(1_000)
    .argParser(wholeNumber(0, 100_000));
}

export function logLevel(): Option {
  return option('--log-level <level>', 'how much to log, to standard error').choices(LEVELS).default('info');
}

export function drainTimeout(): Option {
  return option('--drain-timeout <duration>', 'how long to wait for open requests at the end')
    .default(30_000, '30s')
    .argParser(duration);
}
