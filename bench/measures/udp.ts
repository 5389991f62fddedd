import type { Measure } from '../bench.ts';
import { contest } from '../contest.ts';
import { udpFlows } from '../loads/udp.ts';
import { type Bar, CONTEST_HEAD, contestRows, contestVerdicts } from '../section.ts';

const LOAD = { name: 'UDP datagrams, there and back', client: udpFlows };
const BARS: readonly Bar[] = [{ peer: 'Envoy', atLeast: 0.8, aim: 1 }];

export const udp: Measure = {
  name: 'udp',
  async run(bench) {
    const contestants = bench.peers
      .filter(({ protocols }) => protocols.includes('UDP'))
      .map((peer) => ({ peer, protocol: 'UDP' as const }));
    const results = await contest(bench, contestants, [LOAD]);
    const ours = contestants[0]!.peer.name;
    return {
      title: 'Layer 4, UDP',
      head: CONTEST_HEAD,
      rows: contestRows(results, ours),
      verdicts: contestVerdicts(results, ours, new Map([[LOAD.name, BARS]])),
      raw: results,
    };
  },
};
