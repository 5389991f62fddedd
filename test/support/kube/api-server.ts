import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a test needs to reach the API server; plain data, so that it can cross from vitest's global setup. */
export interface ApiServerInfo {
  readonly url: string;
  readonly ca: string;
  /** A token in `system:masters`. */
  readonly adminToken: string;
  /** A token of the user `controller`, who may do what a test's RBAC objects say and nothing else. */
  readonly controllerToken: string;
  /** What it signs the tokens of service accounts with, in PEM. */
  readonly tokenKey: string;
  readonly binaries: string;
}

export interface ApiServer extends ApiServerInfo {
  readonly stop: () => Promise<void>;
}

const START_DEADLINE_MS = 60_000;

/** Starts etcd and kube-apiserver on free ports, with all their state in a temporary folder. */
export async function startApiServer(binaries: string): Promise<ApiServer> {
  const dir = await mkdtemp(join(tmpdir(), 'evenkeel-kube-'));
  const [etcdPort, peerPort, apiPort] = await freePorts(3);
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const tokenKey = key.privateKey.export({ type: 'pkcs8', format: 'pem' });
  await writeFile(join(dir, 'sa.key'), tokenKey);
  await writeFile(join(dir, 'sa.pub'), key.publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(
    join(dir, 'tokens.csv'),
    'admin-token,admin,admin,"system:masters"\ncontroller-token,controller,controller\n',
  );
  const etcd = start(dir, join(binaries, 'etcd'), [
    `--data-dir=${join(dir, 'etcd')}`,
    `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
    `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
    '--unsafe-no-fsync',
    '--log-level=error',
  ]);
  const apiserver = start(dir, join(binaries, 'kube-apiserver'), [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--secure-port=${apiPort}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--cert-dir=${dir}`,
    `--token-auth-file=${join(dir, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(dir, 'sa.pub')}`,
    `--service-account-signing-key-file=${join(dir, 'sa.key')}`,
    '--disable-admission-plugins=ServiceAccount',
    '--endpoint-reconciler-type=none',
    '--watch-cache=true',
  ]);
  const stop = async (): Promise<void> => {
    for (const child of [apiserver, etcd]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await ready(apiPort!, apiserver, dir);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `https://127.0.0.1:${apiPort}`,
    ca: await readFile(join(dir, 'apiserver.crt'), 'utf8'),
    adminToken: 'admin-token',
    controllerToken: 'controller-token',
    tokenKey,
    binaries,
    stop,
  };
}

function start(dir: string, file: string, args: readonly string[]): ChildProcess {
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr.pipe(createWriteStream(join(dir, `${file.split('/').pop()}.log`)));
  return child;
}

async function ready(port: number, child: ChildProcess, dir: string): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    if ((await statusOf(port)) === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const log = await readFile(join(dir, 'kube-apiserver.log'), 'utf8').catch(() => '');
  throw new Error(`kube-apiserver did not become ready:\n${log.split('\n').slice(-15).join('\n')}`);
}

function statusOf(port: number): Promise<number> {
  return new Promise((resolve) => {
    const headers = { authorization: 'Bearer admin-token' };
    const req = request(
      { host: '127.0.0.1', port, path: '/readyz', headers, rejectUnauthorized: false },
      (res) => {
        res.resume();
        resolve(res.statusCode ?? 0);
      },
    );
    req.on('error', () => resolve(0));
    req.end();
  });
}

/** Ports that were free a moment ago, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
