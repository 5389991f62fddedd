import type { Measure } from '../bench.ts';
import { contest } from '../contest.ts';
import { h2load } from '../loads/h2load.ts';
import { type Bar, CONTEST_HEAD, contestRows, contestVerdicts } from '../section.ts';

const LOAD = { name: 'HTTP/2 requests, small', client: h2load() };
const BARS: readonly Bar[] = [{ peer: 'Envoy', atLeast: 1, aim: 1.3 }];
/** Those of our peers that take HTTP/2 without TLS on a port for HTTP/1.1. */
const SPEAKERS: ReadonlySet<string> = new Set(['HAProxy', 'Envoy']);

/** HTTP/2 from clients, HTTP/1.1 to the origin. */
export const http2: Measure = {
  name: 'http2',
  async run(bench) {
    const ours = bench.peers[0]!.name;
    const contestants = bench.peers
      .filter(({ name }) => SPEAKERS.has(name) || name.startsWith(ours))
      .map((peer) => ({ peer, protocol: 'HTTP' as const }));
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
