/**
 * Autobahn's WebSocket suite against an echo server of the `ws` library, alone and behind Evenkeel, and every case
 * that ends otherwise behind it. Needs its `wstest` (PyPI's autobahntestsuite, which wants Python 2.7) on the PATH.
 *
 *   node scripts/websocket-suite.ts [CASES...]     such as 1.* 9.1.*; default: all
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
/** By case. */
type Outcomes = Readonly<Record<string, Outcome>>;

const cases = process.argv.slice(2);
const server = await EchoServer.start();
const [port] = (await freePorts(1)) as [number];
const proxy = await ProxyProcess.start({
  manifests: poolManifest('websocket', 'HTTP', { listen: port, backend: server.port }),
});
const folder = await mkdtemp(join(tmpdir(), 'evenkeel-autobahn-'));
try {
  // At the same time: most cases wait for one round trip after the other.
  const [alone, proxied] = await Promise.all([runSuite('alone', server.port), runSuite('proxied', port)]);
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

/** The cases against one server, told to standard error as they begin. */
async function runSuite(agent: string, at: number): Promise<Outcomes> {
  const outdir = join(folder, agent);
  const spec = {
    outdir,
    servers: [{ agent, url: `ws://127.0.0.1:${at}` }],
    cases: cases.length === 0 ? ['*'] : cases,
    'exclude-cases': [],
    'exclude-agent-cases': {},
  };
  await mkdir(outdir);
  await writeFile(join(outdir, 'spec.json'), JSON.stringify(spec));
  const suite = spawn('wstest', ['-m', 'fuzzingclient', '-s', join(outdir, 'spec.json')], {
    stdio: ['ignore', process.stderr, process.stderr],
    cwd: outdir,
    env: { ...process.env, PYTHONUNBUFFERED: '1' },
  });
  const [code] = (await once(suite, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`wstest ended with ${code}`);
  const report = JSON.parse(await readFile(join(outdir, 'index.json'), 'utf8')) as Record<string, Outcomes>;
  return report[agent]!;
}

function show({ behavior, behaviorClose, remoteCloseCode }: Outcome): string {
  return `${behavior}/${behaviorClose}/${remoteCloseCode}`;
}

function counts(outcomes: Outcomes): string {
  const groups = Map.groupBy(Object.values(outcomes), ({ behavior }) => behavior);
  return [...groups].map(([behavior, { length }]) => `${length} ${behavior}`).join(', ');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
