import type { Measure } from '../bench.ts';
import { type Contestant, contest, type Load } from '../contest.ts';
import { wrk } from '../loads/wrk.ts';
import { type Bar, CONTEST_HEAD, contestRows, contestVerdicts } from '../section.ts';

const LOADS: readonly (Load & { readonly bars: readonly Bar[] })[] = [
  {
    name: 'L4 bulk',
    client: wrk({ path: '/1m', connections: 16 }),
    bars: [{ peer: 'HAProxy', atLeast: 0.95 }],
  },
  { name: 'L4 request and response', client: wrk(), bars: [{ peer: 'Envoy', atLeast: 0.95, aim: 1 }] },
  {
    name: 'L4 new connections',
    client: wrk({ headers: ['Connection: close'] }),
    bars: [{ peer: 'Envoy', atLeast: 0.85, aim: 1 }],
  },
];

/** The same requests as at layer 7, through proxies that look at none of them; and through our layer 7 beside them. */
export const tcp: Measure = {
  name: 'tcp',
  async run(bench) {
    const [own] = bench.peers;
    const contestants: Contestant[] = bench.peers
      .filter(({ protocols }) => protocols.includes('TCP'))
      .map((peer) => ({ peer, protocol: 'TCP' }));
    contestants.push({ peer: own!, protocol: 'HTTP', name: `${own!.name} at L7` });
    const results = await contest(bench, contestants, LOADS);
    return {
      title: 'Layer 4, TCP',
      head: CONTEST_HEAD,
      rows: contestRows(results, own!.name),
      verdicts: contestVerdicts(results, own!.name, new Map(LOADS.map(({ name, bars }) => [name, bars]))),
      raw: results,
    };
  },
};
