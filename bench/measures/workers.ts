import type { Measure } from '../bench.ts';
import { contest, timesOurs } from '../contest.ts';
import { wrk } from '../loads/wrk.ts';
import { evenkeelWith, poolFor } from '../peers/evenkeel.ts';
import { BOTH_CORES } from '../pinned.ts';
import { atMost, CONTEST_HEAD, contestRows } from '../section.ts';
import { spreadOf } from './spread.ts';

const CONNECTIONS = 256;
const LIMIT = 1.15;
const SPREAD_LIMIT = 1.3;

/** Proxies and load share all cores: there are no more of them to give two workers one each and the load another. */
export const workers: Measure = {
  name: 'workers',
  async run(bench) {
    const contestants = [1, 2].map((count) => ({
      peer: evenkeelWith(`${count} worker${count === 1 ? '' : 's'}`, (job) => [poolFor(job)], {
        workers: count,
      }),
      protocol: 'HTTP' as const,
      cores: BOTH_CORES,
    }));
    const load = { name: 'kept alive, small', client: wrk({ connections: CONNECTIONS, cores: BOTH_CORES }) };
    const results = await contest(bench, contestants, [load]);
    const spread = await spreadOf(CONNECTIONS, 2);
    return {
      title: 'Two workers beside one',
      head: CONTEST_HEAD,
      rows: contestRows(results, contestants[0]!.peer.name),
      verdicts: [
        atMost('a request with two workers', timesOurs(results[0]!, results[1]!), LIMIT, "× one worker's"),
        atMost(
          `connections of the busiest worker, ${CONNECTIONS} in all`,
          spread,
          SPREAD_LIMIT,
          '× the mean',
        ),
      ],
      raw: { results, spread },
    };
  },
};
