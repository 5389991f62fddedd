import type { Measure } from '../bench.ts';
import { contest, type Load } from '../contest.ts';
import { wrk } from '../loads/wrk.ts';
import { type Bar, CONTEST_HEAD, contestRows, contestVerdicts } from '../section.ts';

const scheme = 'https';

const LOADS: readonly (Load & { readonly bars: readonly Bar[] })[] = [
  { name: 'TLS kept alive, small', client: wrk({ scheme }), bars: [{ peer: 'Envoy', atLeast: 1.8, aim: 2 }] },
  {
    name: 'TLS, a handshake each',
    client: wrk({ scheme, headers: ['Connection: close'] }),
    bars: [{ peer: 'Envoy', atLeast: 0.55, aim: 0.8 }],
  },
  {
    name: 'TLS, 1 MiB responses',
    client: wrk({ scheme, path: '/1m', connections: 16 }),
    bars: [{ peer: 'Envoy', atLeast: 0.65, aim: 1 }],
  },
];

/** HTTP/1.1 in TLS from clients, without it to the origin. */
export const tls: Measure = {
  name: 'tls',
  async run(bench) {
    const contestants = bench.peers
      .filter(({ protocols }) => protocols.includes('HTTPS'))
      .map((peer) => ({ peer, protocol: 'HTTPS' as const }));
    const results = await contest(bench, contestants, LOADS);
    const ours = contestants[0]!.peer.name;
    return {
      title: 'Layer 7, TLS',
      head: CONTEST_HEAD,
      rows: contestRows(results, ours),
      verdicts: contestVerdicts(results, ours, new Map(LOADS.map(({ name, bars }) => [name, bars]))),
      raw: results,
    };
  },
};
