import type { Measure } from '../bench.ts';
import { contest } from '../contest.ts';
import { h2load } from '../loads/h2load.ts';
import { type Bar, CONTEST_HEAD, contestRows, contestVerdicts } from '../section.ts';

const LOAD = { name: 'HTTP/2 requests, small', client: h2load() };
const BARS: readonly Bar[] = [{ peer: 'Envoy', atLeast: 1, aim: 1.3 }];

/** HTTP/2 from clients, HTTP/1.1 to the origin. */
export const http2: Measure = {
  name: 'http2',
  async run(bench) {
    const ours = bench.peers[0]!.name;
    const contestants = bench.peers
      .filter(({ protocols }) => protocols.includes('HTTP2'))
      .map((peer) => ({ peer, protocol: 'HTTP2' as const }));
    const results = await contest(bench, contestants, [LOAD]);
    return {
      title: 'Layer 7, HTTP/2',
      head: CONTEST_HEAD,
      rows: contestRows(results, ours),
      verdicts: contestVerdicts(results, ours, new Map([[LOAD.name, BARS]])),
      raw: results,
    };
  },
};
