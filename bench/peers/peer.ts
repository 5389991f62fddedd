import { spawnSync } from 'node:child_process';

/** What is spoken on the port, and to the backend; to that without TLS. HTTP2 is by prior knowledge, with HTTP/1.1 to the backend; GRPC has it on both sides. */
export type Protocol = 'HTTP' | 'HTTPS' | 'HTTP2' | 'GRPC' | 'TCP' | 'UDP';

/** From one port on loopback to another. */
export interface Job {
  readonly protocol: Protocol;
  readonly listen: number;
  readonly backend: number;
}

/** A proxy to measure. */
export interface Peer {
  readonly name: string;
  readonly protocols: readonly Protocol[];
  /** How to get it. */
  readonly install: string;
  /** Undefined: it is not on this machine. */
  version(): string | undefined;
  /** Runs it in the foreground, one thread that forwards, with its files in `dir`; checks the backend's health. */
  command(job: Job, dir: string): readonly string[];
}

/** The first thing like a version number that a command says; undefined: there is no such command. */
export function versionSaid([program, ...args]: readonly [string, ...string[]]): string | undefined {
  const { error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return error === undefined ? /\d+\.\d+[\w.]*/.exec(stdout + stderr)?.[0] : undefined;
}
