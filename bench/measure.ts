import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from '../test/support/free-ports.ts';
import { cpuMicros } from './cpu-time.ts';
import { nginxCommand } from './peers/nginx.ts';
import { type Peer, run } from './peers/peer.ts';

const execute = promisify(execFile);

/** What clients do. */
export interface Load {
  readonly name: string;
  readonly path: string;
  readonly connections: number;
  readonly headers: readonly string[];
}

export interface Sample {
  /** CPU time of the proxy for each request, in microseconds. */
  readonly cpuMicros: number;
  readonly requestsPerSecond: number;
  readonly p99: string;
  readonly errors: string;
}

const PROXY_CORE = 0;
const LOAD_CORE = 1;

/**
 * Measures peers under loads, in alternating rounds so that what else the machine does falls on all of them: the
 * proxy alone on one core, wrk and the backend (nginx) on the other.
 */
export async function measure(
  peers: readonly Peer[],
  loads: readonly Load[],
  options: { readonly rounds: number; readonly seconds: number },
): Promise<Map<Load, Map<Peer, Sample[]>>> {
  const dir = mkdtempSync(join(tmpdir(), 'evenkeel-bench-'));
  writeFileSync(join(dir, '1m'), Buffer.alloc(1_048_576, 'x'));
  chmodSync(dir, 0o755);
  const [backend, ...listens] = await freePorts(peers.length + 1);
  const servers = [await run(nginxCommand(dir, 'backend', backendBlock(backend!, dir)), LOAD_CORE, backend!)];
  try {
    const pids = new Map<Peer, number>();
    for (const [index, peer] of peers.entries()) {
      const listen = listens[index]!;
      const running = await run(peer.command({ listen, backend: backend! }, dir), PROXY_CORE, listen);
      servers.push(running);
      pids.set(peer, running.process.pid!);
    }
    const results = new Map(
      loads.map((load) => [load, new Map(peers.map((peer) => [peer, [] as Sample[]]))]),
    );
    for (const load of loads) {
      for (let round = -1; round < options.rounds; round++) {
        for (const [index, peer] of peers.entries()) {
          // The first round warms up and does not count.
          const seconds = round === -1 ? 1 : options.seconds;
          const sample = await sampleOf(pids.get(peer)!, listens[index]!, load, seconds);
          if (round >= 0) results.get(load)!.get(peer)!.push(sample);
        }
      }
    }
    return results;
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(dir, { recursive: true, force: true });
  }
}

function backendBlock(port: number, dir: string): string {
  return `  server {
    listen 127.0.0.1:${port};
    keepalive_timeout 600s;
    default_type application/octet-stream;
    location /1m { alias ${dir}/1m; }
    location / { return 200 "hello, world\\n"; }
  }`;
}

async function sampleOf(pid: number, port: number, load: Load, seconds: number): Promise<Sample> {
  const before = cpuMicros(pid);
  const headers = load.headers.flatMap((header) => ['-H', header]);
  const { stdout } = await execute('taskset', [
    '-c',
    String(LOAD_CORE),
    'wrk',
    '--latency',
    '-t1',
    `-c${load.connections}`,
    `-d${seconds}s`,
    ...headers,
    `http://127.0.0.1:${port}${load.path}`,
  ]);
  const used = cpuMicros(pid) - before;
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  return {
    cpuMicros: used / requests,
    requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0),
    p99: /99%\s+(\S+)/.exec(stdout)?.[1] ?? '',
    errors: /(Socket errors.*|Non-2xx.*)/.exec(stdout)?.[1] ?? '',
  };
}
