import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';

/** A proxy to measure: forwards HTTP from one port on loopback to a backend's. */
export interface Peer {
  readonly name: string;
  /** The command that runs it in the foreground on one core, all files in `dir`. */
  command(ports: PeerPorts, dir: string): readonly string[];
}

export interface PeerPorts {
  readonly listen: number;
  readonly backend: number;
}

/** A running process and those it has started. */
export interface Running {
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a command on one core and waits until its port answers. */
export async function run(command: readonly string[], core: number, port: number): Promise<Running> {
  const child = spawn('taskset', ['-c', String(core), ...command], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await listening(port);
  return {
    process: child,
    stop: async () => {
      child.kill('SIGTERM');
      const forced = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await exited;
      clearTimeout(forced);
    },
  };
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on port ${port}`);
}
