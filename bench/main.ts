/**
 * Measures the data path beside other proxies: `make bench`, or `make bench BENCH="quick http tcp"` for less of it.
 *
 *     node bench/main.ts [quick] [MEASURE...] [--peers HAProxy,Envoy] [--before FOLDER] [--write]
 *
 * `--before` is another checkout of this repository to measure beside this one. Everything goes to standard output;
 * a whole run, or one with `--write`, also to bench/results/.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench, Measure } from './bench.ts';
import { makeCertificate } from './certificate.ts';
import { machineWith, TOOLS } from './machine.ts';
import { grpc } from './measures/grpc.ts';
import { growth } from './measures/growth.ts';
import { http } from './measures/http.ts';
import { http2 } from './measures/http2.ts';
import { latency } from './measures/latency.ts';
import { memory } from './measures/memory.ts';
import { tcp } from './measures/tcp.ts';
import { tls } from './measures/tls.ts';
import { udp } from './measures/udp.ts';
import { workers } from './measures/workers.ts';
import { Origin } from './origin.ts';
import { bareRelay } from './peers/bare-relay.ts';
import { caddy } from './peers/caddy.ts';
import { envoy } from './peers/envoy.ts';
import { evenkeel, evenkeelFrom } from './peers/evenkeel.ts';
import { haproxy } from './peers/haproxy.ts';
import { httpProxyLibrary } from './peers/http-proxy.ts';
import { nginx } from './peers/nginx.ts';
import { markdown } from './report.ts';
import type { Section } from './section.ts';

const MEASURES: readonly Measure[] = [http, tls, http2, grpc, tcp, udp, latency, growth, workers, memory];
const PEERS = [haproxy, nginx, envoy, caddy, httpProxyLibrary, bareRelay];
const RESULTS = new URL('results/', import.meta.url);

const WHOLE = { rounds: 7, seconds: 1, warmUpSeconds: 2 };
const QUICK = { rounds: 3, seconds: 1, warmUpSeconds: 1 };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { peers: { type: 'string' }, before: { type: 'string' }, write: { type: 'boolean' } },
});
const isQuick = positionals.includes('quick');
const wanted = positionals.filter((word) => word !== 'quick');
const unknown = wanted.find((word) => MEASURES.every(({ name }) => name !== word));
if (unknown !== undefined)
  fail(`no measure is called ${unknown}; there are ${MEASURES.map(({ name }) => name).join(', ')}`);
const measures = MEASURES.filter(({ name }) => wanted.length === 0 || wanted.includes(name));

const absentTools = TOOLS.filter((tool) => tool.version() === undefined);
if (absentTools.length > 0) {
  fail(`missing: ${absentTools.map(({ name, install }) => `${name} (${install})`).join(', ')}`);
}
const others = PEERS.filter(
  ({ name }) => values.peers === undefined || values.peers.split(',').includes(name),
);
const absent = others.filter((peer) => peer.version() === undefined);
for (const { name, install } of absent) say(`${name} is missing and left out: ${install}`);
const before = values.before === undefined ? [] : [evenkeelFrom(values.before, 'Evenkeel before')];
const peers = [evenkeel, ...before, ...others.filter((peer) => !absent.includes(peer))];

const dir = mkdtempSync(join(tmpdir(), 'evenkeel-bench-'));
await makeCertificate(dir);
const loadBefore = loadavg()[0]!;
const origin = await Origin.start(dir);
const bench: Bench = { effort: isQuick ? QUICK : WHOLE, peers, origin, dir, progress: say };
const sections: Section[] = [];
try {
  for (const measure of measures) sections.push(await measure.run(bench));
} finally {
  await origin.stop();
  rmSync(dir, { recursive: true, force: true });
}

const run = {
  date: new Date().toISOString().slice(0, 10),
  command: `make bench${positionals.length > 0 ? ` BENCH="${positionals.join(' ')}"` : ''}`,
  machine: machineWith(peers),
  loadAverage: [loadBefore, loadavg()[0]!] as const,
  missing: absent.map(({ name, install }) => `${name} (${install})`),
  sections,
};
const text = markdown(run);
process.stdout.write(text);
const isWhole = positionals.length === 0 && values.peers === undefined && values.before === undefined;
if (isWhole || values.write === true) {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(new URL('data-path.md', RESULTS), text);
  writeFileSync(new URL('data-path.json', RESULTS), `${JSON.stringify(run, undefined, 1)}\n`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function fail(reason: string): never {
  say(reason);
  process.exit(2);
}
