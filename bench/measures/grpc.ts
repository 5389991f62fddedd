import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Measure } from '../bench.ts';
import { contest } from '../contest.ts';
import { h2load } from '../loads/h2load.ts';
import { type Bar, CONTEST_HEAD, contestRows, contestVerdicts } from '../section.ts';

const NAME = 'gRPC calls, unary, small';
const BARS: readonly Bar[] = [{ peer: 'Envoy', atLeast: 1, aim: 1.3 }];

/** HTTP/2 from clients and to the origin: a message of five bytes there, a small answer back. */
export const grpc: Measure = {
  name: 'grpc',
  async run(bench) {
    const message = join(bench.dir, 'grpc-message');
    writeFileSync(message, Buffer.alloc(5));
    const more = ['-d', message, '-H', 'content-type: application/grpc', '-H', 'te: trailers'];
    const load = { name: NAME, client: h2load({ more }) };
    const ours = bench.peers[0]!.name;
    const contestants = bench.peers
      .filter(({ protocols }) => protocols.includes('GRPC'))
      .map((peer) => ({ peer, protocol: 'GRPC' as const }));
    const results = await contest(bench, contestants, [load]);
    return {
      title: 'gRPC',
      head: CONTEST_HEAD,
      rows: contestRows(results, ours),
      verdicts: contestVerdicts(results, ours, new Map([[NAME, BARS]])),
      raw: results,
    };
  },
};
