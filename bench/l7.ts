/**
 * CPU time per request at layer 7, beside other proxies, as ratios from one run: `node bench/l7.ts [--rounds 3]
 * [--seconds 3] [--loads small,browser] [--peers Evenkeel,HAProxy]`. Needs haproxy, nginx and wrk, and two cores.
 */
import { parseArgs } from 'node:util';
import { type Load, measure, type Sample } from './measure.ts';
import { evenkeel } from './peers/evenkeel.ts';
import { haproxy } from './peers/haproxy.ts';
import { nginx } from './peers/nginx.ts';
import type { Peer } from './peers/peer.ts';

const BROWSER = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-GB,en;q=0.9',
  'Cache-Control: no-cache',
  'Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=1',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-Site: same-origin',
  'Upgrade-Insecure-Requests: 1',
];

const LOADS: readonly Load[] = [
  { name: 'small', path: '/', connections: 50, headers: [] },
  { name: 'browser', path: '/', connections: 50, headers: BROWSER },
  { name: 'one', path: '/', connections: 1, headers: [] },
  { name: 'new', path: '/', connections: 50, headers: ['Connection: close'] },
  { name: 'large', path: '/1m', connections: 16, headers: [] },
];

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    loads: { type: 'string', default: 'small,browser,new,large' },
    peers: { type: 'string', default: 'Evenkeel,HAProxy,nginx' },
  },
});
const peers = [evenkeel, haproxy, nginx].filter(({ name }) => values.peers.split(',').includes(name));
const loads = LOADS.filter(({ name }) => values.loads.split(',').includes(name));

const results = await measure(peers, loads, {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
});
for (const [load, byPeer] of results) {
  const ours = median(byPeer.get(evenkeel) ?? []);
  for (const [peer, samples] of byPeer) print(load, peer, samples, ours);
}

function print(load: Load, peer: Peer, samples: readonly Sample[], ours: number): void {
  const cpu = median(samples);
  const rates = samples.map(({ requestsPerSecond }) => Math.round(requestsPerSecond)).join(' ');
  const { errors = '' } = samples.find((sample) => sample.errors !== '') ?? {};
  process.stdout.write(
    `${load.name.padEnd(8)} ${peer.name.padEnd(9)} ${cpu.toFixed(1).padStart(7)} µs/request` +
      `  ${(cpu / ours).toFixed(2)} of ours  ${rates} /s  p99 ${samples.at(-1)?.p99 ?? ''} ${errors}\n`,
  );
}

function median(samples: readonly Sample[]): number {
  const sorted = samples.map(({ cpuMicros }) => cpuMicros).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
