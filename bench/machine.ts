import { availableParallelism, cpus, release, totalmem } from 'node:os';
import type { Peer } from './peers/peer.ts';
import { versionSaid } from './peers/peer.ts';

/** What figures depend on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly versions: Readonly<Record<string, string>>;
}

export function machineWith(peers: readonly Peer[]): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    versions: Object.fromEntries(peers.map((peer) => [peer.name, peer.version() ?? 'missing'])),
  };
}

/** What loads are made with; without them there is nothing to measure. */
export const TOOLS = [
  { name: 'nginx', install: 'apt-get install nginx', version: () => versionSaid(['nginx', '-v']) },
  { name: 'wrk', install: 'apt-get install wrk', version: () => versionSaid(['wrk', '-v']) },
  {
    name: 'h2load',
    install: 'apt-get install nghttp2-client',
    version: () => versionSaid(['h2load', '--version']),
  },
  {
    name: 'taskset',
    install: 'apt-get install util-linux',
    version: () => versionSaid(['taskset', '--version']),
  },
] as const;
