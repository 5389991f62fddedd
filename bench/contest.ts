import { freePorts } from '../test/support/free-ports.ts';
import type { Bench, Effort } from './bench.ts';
import { busyShares, coreTimes, cpuMicros } from './cpu-time.ts';
import type { Client } from './loads/client.ts';
import type { Peer, Protocol } from './peers/peer.ts';
import { Pinned, PROXY_CORE } from './pinned.ts';

/** What clients do, and by what name the results speak of it. */
export interface Load {
  readonly name: string;
  readonly client: Client;
}

export interface Contestant {
  readonly peer: Peer;
  readonly protocol: Protocol;
  /** Absent: the peer's. */
  readonly name?: string;
  /** Absent: the proxy's own. */
  readonly cores?: string;
}

/** Warming up goes on for this many times its least, while each second costs less than this share of those before. */
const MOST_WARM_UP = 4;
const STILL_FALLING = 0.97;

/** One round of one contestant. */
export interface Sample {
  /** CPU time of the proxy, all of its threads, for each request. */
  readonly cpuMicros: number;
  readonly requestsPerSecond: number;
  /** Share of the time that each core was busy. */
  readonly busy: readonly number[];
  readonly errors: string;
}

export interface Result {
  readonly load: string;
  readonly name: string;
  readonly samples: readonly Sample[];
}

/**
 * Measures proxies beside each other, in alternating rounds, so that what else the machine does falls on all of them.
 * What is compared is CPU time: rates depend on who else wants the cores.
 */
export async function contest(
  bench: Bench,
  contestants: readonly Contestant[],
  loads: readonly Load[],
): Promise<Result[]> {
  const ports = await freePorts(contestants.length);
  const proxies = contestants.map((contestant, i) => start(bench, contestant, ports[i]!));
  try {
    for (const proxy of proxies) await ready(proxy);
    const results: Result[] = [];
    for (const load of loads) {
      bench.progress(load.name);
      const rounds = await alternate(proxies, load.client, bench.effort);
      for (const [i, { name }] of proxies.entries()) {
        results.push({ load: load.name, name, samples: rounds.map((round) => round[i]!) });
      }
    }
    return results;
  } finally {
    await Promise.all(proxies.map(({ process }) => process.stop()));
  }
}

interface Proxy {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly process: Pinned;
}

function start({ dir, origin }: Bench, { peer, protocol, name, cores }: Contestant, port: number): Proxy {
  const command = peer.command({ protocol, listen: port, backend: origin.port(protocol) }, dir);
  return { name: name ?? peer.name, protocol, port, process: new Pinned(command, cores ?? PROXY_CORE) };
}

/** Nothing says that a UDP port is open but an answer; the warm-up waits for those. */
async function ready({ protocol, port, process }: Proxy): Promise<void> {
  if (protocol !== 'UDP') await process.listening(port);
}

async function alternate(proxies: readonly Proxy[], client: Client, effort: Effort): Promise<Sample[][]> {
  for (const proxy of proxies) await warmUp(proxy, client, effort.warmUpSeconds);
  const rounds: Sample[][] = [];
  for (let round = 0; round < effort.rounds; round++) {
    const samples: Sample[] = [];
    for (const proxy of proxies) samples.push(await sample(proxy, client, effort.seconds));
    rounds.push(samples);
  }
  return rounds;
}

/** A proxy runs for days: what its compiler needs at the beginning is over once a further second is no cheaper. */
async function warmUp(proxy: Proxy, client: Client, leastSeconds: number): Promise<void> {
  let cheapest = Infinity;
  for (let second = 1; second <= leastSeconds * MOST_WARM_UP; second++) {
    const { cpuMicros } = await sample(proxy, client, 1);
    if (second >= leastSeconds && cpuMicros > cheapest * STILL_FALLING) return;
    cheapest = Math.min(cheapest, cpuMicros);
  }
}

async function sample({ port, process }: Proxy, client: Client, seconds: number): Promise<Sample> {
  const cores = coreTimes();
  const before = cpuMicros(process.pid);
  const started = performance.now();
  const { requests, errors } = await client(port, seconds);
  const elapsed = (performance.now() - started) / 1_000;
  return {
    cpuMicros: (cpuMicros(process.pid) - before) / Math.max(1, requests),
    requestsPerSecond: requests / elapsed,
    busy: busyShares(cores, coreTimes()),
    errors,
  };
}

/** How many times the CPU time of `ours` that of `theirs` is; the median of the rounds. */
export function timesOurs(ours: Result, theirs: Result): number {
  return median(theirs.samples.map(({ cpuMicros }, round) => cpuMicros / ours.samples[round]!.cpuMicros));
}

export function medianMicros({ samples }: Result): number {
  return median(samples.map(({ cpuMicros }) => cpuMicros));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]!
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}
