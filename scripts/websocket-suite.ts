/**
 * Autobahn's WebSocket suite against an echo server of the `ws` library, alone and behind Evenkeel, and every case
 * that ends otherwise behind it. Needs its `wstest` (PyPI's autobahntestsuite, which wants Python 2.7) on the PATH.
 *
 *   node scripts/websocket-suite.ts [CASES...]     such as 1.* 9.1.*; default: all
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../test/support/free-ports.ts';
import { poolManifest } from '../test/support/process/manifests.ts';
import { ProxyProcess } from '../test/support/process/proxy-process.ts';
import { EchoServer } from '../test/support/websocket/echo.ts';

interface Outcome {
  readonly behavior: string;
  readonly behaviorClose: string;
  readonly remoteCloseCode: number | null;
}
type Report = Readonly<Record<'alone' | 'proxied', Readonly<Record<string, Outcome>>>>;

const cases = process.argv.slice(2);
const server = await EchoServer.start();
const [port] = (await freePorts(1)) as [number];
const proxy = await ProxyProcess.start({
  manifests: poolManifest('websocket', 'HTTP', { listen: port, backend: server.port }),
});
const folder = await mkdtemp(join(tmpdir(), 'evenkeel-autobahn-'));
try {
  await runSuite();
  const { alone, proxied } = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as Report;
  const differing = Object.keys(alone).filter((id) => show(alone[id]!) !== show(proxied[id]!));
  for (const id of differing)
    print(`${id}: ${show(alone[id]!)} alone, ${show(proxied[id]!)} behind Evenkeel`);
  print(`${Object.keys(alone).length} cases, alone: ${counts(alone)}; behind Evenkeel: ${counts(proxied)}`);
  process.exitCode = differing.length === 0 ? 0 : 1;
} finally {
  await proxy.close();
  await server.close();
  await rm(folder, { recursive: true });
}

async function runSuite(): Promise<void> {
  const url = (at: number): string => `ws://127.0.0.1:${at}`;
  const spec = {
    outdir: folder,
    servers: [
      { agent: 'alone', url: url(server.port) },
      { agent: 'proxied', url: url(port) },
    ],
    cases: cases.length === 0 ? ['*'] : cases,
    'exclude-cases': [],
    'exclude-agent-cases': {},
  };
  await writeFile(join(folder, 'spec.json'), JSON.stringify(spec));
  const suite = spawn('wstest', ['-m', 'fuzzingclient', '-s', join(folder, 'spec.json')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    cwd: folder,
  });
  const [code] = (await once(suite, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`wstest ended with ${code}`);
}

function show({ behavior, behaviorClose, remoteCloseCode }: Outcome): string {
  return `${behavior}/${behaviorClose}/${remoteCloseCode}`;
}

function counts(outcomes: Readonly<Record<string, Outcome>>): string {
  const groups = Map.groupBy(Object.values(outcomes), ({ behavior }) => behavior);
  return [...groups].map(([behavior, { length }]) => `${length} ${behavior}`).join(', ');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
