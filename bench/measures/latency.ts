import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from '../../test/support/free-ports.ts';
import type { Bench, Measure } from '../bench.ts';
import { median } from '../contest.ts';
import { wrk } from '../loads/wrk.ts';
import type { Peer } from '../peers/peer.ts';
import { LOAD_CORE, Pinned, PROXY_CORE } from '../pinned.ts';
import type { Section, Verdict } from '../section.ts';

const execute = promisify(execFile);
const CONNECTIONS = 50;
const P50_MORE_MS = 0.1;
const P99_TIMES = 2;

interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** Where h2load sends: a proxy, or straight to the origin. */
interface Target {
  readonly name: string;
  readonly port: number;
  readonly rounds: Percentiles[];
}

/** What a proxy adds to a request at half of our own top rate, beside what the same load takes without any proxy. */
export const latency: Measure = {
  name: 'latency',
  async run(bench) {
    const [port, ...ports] = await freePorts(bench.peers.length);
    const peers = bench.peers.filter(({ protocols }) => protocols.includes('HTTP'));
    const targets: Target[] = [{ name: 'no proxy', port: bench.origin.port('HTTP'), rounds: [] }];
    const processes: Pinned[] = [];
    try {
      for (const [i, peer] of peers.entries()) {
        const listen = [port!, ...ports][i]!;
        processes.push(await start(bench, peer, listen));
        targets.push({ name: peer.name, port: listen, rounds: [] });
      }
      bench.progress('latency: our top rate');
      const { requests } = await wrk()(port!, bench.effort.warmUpSeconds * 2);
      const rate = requests / (bench.effort.warmUpSeconds * 2) / 2;
      bench.progress(`latency at ${Math.round(rate)} requests/s`);
      for (const target of targets) await percentiles(bench, target, rate);
      for (let round = 0; round < bench.effort.rounds; round++) {
        for (const target of targets) target.rounds.push(await percentiles(bench, target, rate));
      }
      return section(targets, rate);
    } finally {
      await Promise.all(processes.map((process) => process.stop()));
    }
  },
};

async function start({ dir, origin }: Bench, peer: Peer, listen: number): Promise<Pinned> {
  const process = new Pinned(
    peer.command({ protocol: 'HTTP', listen, backend: origin.port('HTTP') }, dir),
    PROXY_CORE,
  );
  await process.listening(listen);
  return process;
}

/** Requests at a steady rate. */
async function percentiles({ dir, effort }: Bench, { port }: Target, rate: number): Promise<Percentiles> {
  const log = join(dir, 'latency.log');
  const load = [
    '--h1',
    '-c',
    String(CONNECTIONS),
    '--rps',
    String(rate / CONNECTIONS),
    '-D',
    String(effort.seconds),
  ];
  await execute('taskset', [
    '-c',
    LOAD_CORE,
    'h2load',
    ...load,
    '--log-file',
    log,
    `http://127.0.0.1:${port}/`,
  ]);
  // Columns: when it began, its status, how long it took in µs.
  const lines = readFileSync(log, 'latin1').trim().split('\n');
  const tookMs = lines.map((line) => Number(line.split('\t')[2]) / 1_000).sort((a, b) => a - b);
  const at = (share: number): number => tookMs[Math.floor(tookMs.length * share)] ?? NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

function section([direct, ...proxies]: readonly Target[], rate: number): Section {
  const rows = proxies.map(({ name, rounds }) => ({ name, ...added(direct!.rounds, rounds) }));
  const [ours] = rows;
  const haproxy = rows.find(({ name }) => name === 'HAProxy');
  const inMs = (value: number): string => `${value.toFixed(2)} ms`;
  const verdicts: Verdict[] = [];
  // Where the load alone took longer than through a proxy, nothing was measured of what that adds.
  if (haproxy !== undefined && ours!.p50 > 0 && haproxy.p50 > 0) {
    verdicts.push({
      what: 'added latency at half of our top rate, p50',
      figure: `${inMs(ours!.p50)}, HAProxy ${inMs(haproxy.p50)}`,
      bar: `≤ HAProxy + ${P50_MORE_MS} ms`,
      isMet: ours!.p50 <= haproxy.p50 + P50_MORE_MS,
    });
  }
  if (haproxy !== undefined && ours!.p99 > 0 && haproxy.p99 > 0) {
    verdicts.push({
      what: 'added latency at half of our top rate, p99',
      figure: `${inMs(ours!.p99)}, HAProxy ${inMs(haproxy.p99)}`,
      bar: `≤ ${P99_TIMES} × HAProxy`,
      isMet: ours!.p99 <= haproxy.p99 * P99_TIMES,
    });
  }
  return {
    title: `Added latency at ${Math.round(rate)} requests/s, half of our top rate`,
    head: ['proxy', 'p50', 'p99'],
    rows: rows.map(({ name, p50, p99 }) => [name, inMs(p50), inMs(p99)]),
    verdicts,
    raw: { rate, targets: [direct, ...proxies] },
  };
}

/** To what it takes without a proxy in the same round. */
function added(direct: readonly Percentiles[], proxied: readonly Percentiles[]): Percentiles {
  const of = (which: keyof Percentiles): number =>
    median(proxied.map((round, i) => round[which] - direct[i]![which]));
  return { p50: of('p50'), p99: of('p99') };
}
