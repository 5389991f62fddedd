import { freePorts } from '../../test/support/free-ports.ts';
import type { Bench, Measure } from '../bench.ts';
import { median } from '../contest.ts';
import { type Latencies, paced } from '../loads/paced.ts';
import { wrk } from '../loads/wrk.ts';
import type { Peer } from '../peers/peer.ts';
import { Pinned, PROXY_CORE } from '../pinned.ts';
import type { Section, Verdict } from '../section.ts';

const P50_MORE_MS = 0.1;
const P99_TIMES = 2;

/** With more of its requests late than this, the load was not even, and what it met says nothing. */
const MOST_LATE = 0.1;

type Percentiles = Pick<Latencies, 'p50' | 'p99'>;

/** Where requests are sent: a proxy, or straight to the origin. */
interface Target {
  readonly name: string;
  readonly port: number;
  readonly rounds: Latencies[];
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
      for (const { port: to } of targets) await paced(to, rate, bench.effort.seconds);
      for (let round = 0; round < bench.effort.rounds; round++) {
        for (const target of targets)
          target.rounds.push(await paced(target.port, rate, bench.effort.seconds));
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

function section([direct, ...proxies]: readonly Target[], rate: number): Section {
  const rows = proxies.map(({ name, rounds }) => ({ name, rounds, ...added(direct!.rounds, rounds) }));
  const [ours] = rows;
  const haproxy = rows.find(({ name }) => name === 'HAProxy');
  const inMs = (value: number): string => `${value.toFixed(2)} ms`;
  const verdicts: Verdict[] = [];
  const alone = { p50: mid(direct!.rounds, 'p50'), p99: mid(direct!.rounds, 'p99') };
  const isEven = [direct!, ...proxies].every(({ rounds }) => mid(rounds, 'late') <= MOST_LATE);
  if (haproxy !== undefined && isEven) {
    verdicts.push({
      what: 'added latency at half of our top rate, p50',
      figure: `${inMs(ours!.p50)}, HAProxy ${inMs(haproxy.p50)}`,
      bar: `≤ HAProxy + ${P50_MORE_MS} ms`,
      isMet: ours!.p50 <= haproxy.p50 + P50_MORE_MS,
    });
  }
  if (haproxy !== undefined && isEven && haproxy.p99 > 0) {
    verdicts.push({
      what: 'added latency at half of our top rate, p99',
      figure: `${inMs(ours!.p99)}, HAProxy ${inMs(haproxy.p99)}`,
      bar: `≤ ${P99_TIMES} × HAProxy`,
      isMet: ours!.p99 <= haproxy.p99 * P99_TIMES,
    });
  }
  return {
    title: `Added latency at ${Math.round(rate)} requests/s, half of our top rate`,
    head: ['proxy', 'adds to p50', 'adds to p99', 'requests that were sent late', 'not sent'],
    rows: [{ name: 'none: the load and the origin', rounds: direct!.rounds, ...alone }, ...rows].map(
      ({ name, p50, p99, rounds }) => {
        const skipped = rounds.reduce((sum, round) => sum + round.skipped, 0);
        return [name, inMs(p50), inMs(p99), `${(mid(rounds, 'late') * 100).toFixed(1)} %`, String(skipped)];
      },
    ),
    verdicts,
    raw: { rate, targets: [direct, ...proxies] },
  };
}

function mid(rounds: readonly Latencies[], which: keyof Latencies): number {
  return median(rounds.map((round) => round[which]));
}

/** To what it takes without a proxy in the same round. */
function added(direct: readonly Percentiles[], proxied: readonly Percentiles[]): Percentiles {
  const of = (which: keyof Percentiles): number =>
    median(proxied.map((round, i) => round[which] - direct[i]![which]));
  return { p50: of('p50'), p99: of('p99') };
}
