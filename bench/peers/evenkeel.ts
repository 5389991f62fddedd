import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { certificateIn } from '../certificate.ts';
import type { Job, Peer } from './peer.ts';

const SECRET = 'bench-tls';
const ROOT = new URL('../..', import.meta.url).pathname;

export const evenkeel = evenkeelFrom(ROOT, 'Evenkeel');

/** The command as users run it, from a checkout of this repository; as in the peers, no access log. */
export function evenkeelFrom(root: string, name: string): Peer {
  return evenkeelWith(
    name,
    (job, dir) => [poolFor(job), ...(job.protocol === 'HTTPS' ? [secretIn(dir)] : [])],
    { root },
  );
}

/** What it is given may differ. */
export function evenkeelWith(
  name: string,
  manifests: (job: Job, dir: string) => readonly object[],
  { root = ROOT, workers = 1 }: { readonly root?: string; readonly workers?: number } = {},
): Peer {
  return {
    name,
    protocols: ['HTTP', 'HTTPS', 'HTTP2', 'GRPC', 'TCP', 'UDP'],
    install: 'make setup',
    version: () =>
      spawnSync('git', ['-C', root, 'describe', '--always', '--dirty'], { encoding: 'utf8' }).stdout.trim(),
    command: (job, dir) => {
      const folder = join(dir, `${name}-${job.listen}`.replaceAll(/\W+/g, '-'));
      mkdirSync(folder);
      writeFileSync(
        join(folder, 'pools.yaml'),
        manifests(job, dir)
          .map((manifest) => `---\n${stringify(manifest)}`)
          .join(''),
      );
      const command = [join(root, 'bin/evenkeel'), 'run', '-f', folder, '--workers', String(workers)];
      return [...command, '--admin', '127.0.0.1:0', '--log-level', 'warn'];
    },
  };
}

function secretIn(dir: string): object {
  const { chain, key } = certificateIn(dir);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name: SECRET },
    data: { 'tls.crt': readFileSync(chain, 'base64'), 'tls.key': readFileSync(key, 'base64') },
  };
}

const CHECKS = {
  HTTP: { type: 'HTTP', http: { path: '/' } },
  HTTPS: { type: 'HTTP', http: { path: '/' } },
  HTTP2: { type: 'HTTP', http: { path: '/' } },
  GRPC: { type: 'TCP' },
  TCP: { type: 'TCP' },
  UDP: { type: 'UDP', udp: { send: 'PING\n' } },
} as const;

export interface PoolOptions {
  readonly name?: string;
  readonly hostname?: string;
  readonly endpoints?: readonly string[];
  readonly routes?: readonly object[];
}

export function poolFor(
  { protocol, listen, backend }: Job,
  { name = 'bench', hostname, endpoints = ['127.0.0.1'], routes = [] }: PoolOptions = {},
): object {
  const listener = {
    name: 'in',
    protocol: protocol === 'GRPC' || protocol === 'HTTP2' ? 'HTTP' : protocol,
    port: listen,
    ...(hostname !== undefined && { hostnames: [hostname] }),
    ...(protocol === 'HTTPS' && { tls: { mode: 'Terminate', certificateRefs: [{ name: SECRET }] } }),
  };
  const all = endpoints.map((address) => ({ address, port: backend }));
  const appProtocol = protocol === 'GRPC' ? 'kubernetes.io/h2c' : 'http';
  return {
    apiVersion: 'evenkeel.dev/v1alpha1',
    kind: 'LoadBalancerPool',
    metadata: { name },
    spec: {
      listeners: [listener],
      backends: [{ name: 'origin', type: 'Static', static: { appProtocol, endpoints: all } }],
      routes,
      defaultBackendRefs: [{ name: 'origin' }],
      healthCheck: { active: { ...CHECKS[protocol], interval: '5s' } },
    },
  };
}
