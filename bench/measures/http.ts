import type { Measure } from '../bench.ts';
import { contest, type Load } from '../contest.ts';
import { wrk } from '../loads/wrk.ts';
import { type Bar, CONTEST_HEAD, contestRows, contestVerdicts } from '../section.ts';

/** What a browser says. */
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

const KEPT_ALIVE: readonly Bar[] = [
  { peer: 'HAProxy', atLeast: 0.75, aim: 0.9 },
  { peer: 'Envoy', atLeast: 2 },
  { peer: 'Caddy', atLeast: 3.5 },
  { peer: 'http-proxy', atLeast: 5 },
];

const LOADS: readonly (Load & { readonly bars: readonly Bar[] })[] = [
  { name: 'L7 kept alive, small', client: wrk(), bars: KEPT_ALIVE },
  { name: 'L7 kept alive, browser heads', client: wrk({ headers: BROWSER }), bars: KEPT_ALIVE },
  {
    name: 'L7, a new connection each',
    client: wrk({ headers: ['Connection: close'] }),
    bars: [
      { peer: 'HAProxy', atLeast: 0.7, aim: 0.85 },
      { peer: 'Envoy', atLeast: 1.5 },
    ],
  },
  {
    name: 'L7, 1 MiB responses',
    client: wrk({ path: '/1m', connections: 16 }),
    bars: [{ peer: 'HAProxy', atLeast: 1, aim: 1.2 }],
  },
];

export const http: Measure = {
  name: 'http',
  async run(bench) {
    const contestants = bench.peers
      .filter(({ protocols }) => protocols.includes('HTTP'))
      .map((peer) => ({ peer, protocol: 'HTTP' as const }));
    const results = await contest(bench, contestants, LOADS);
    const ours = contestants[0]!.peer.name;
    return {
      title: 'Layer 7, HTTP/1.1',
      head: CONTEST_HEAD,
      rows: contestRows(results, ours),
      verdicts: contestVerdicts(results, ours, new Map(LOADS.map(({ name, bars }) => [name, bars]))),
      raw: results,
    };
  },
};
