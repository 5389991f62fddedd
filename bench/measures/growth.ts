import type { Measure } from '../bench.ts';
import { contest, type Load, timesOurs } from '../contest.ts';
import { wrk } from '../loads/wrk.ts';
import { originAddresses } from '../origin.ts';
import { evenkeelWith, poolFor } from '../peers/evenkeel.ts';
import type { Job, Peer } from '../peers/peer.ts';
import { atMost, CONTEST_HEAD, contestRows } from '../section.ts';

const MANY = 1_000;
const MAX_ROUTES = 50;
const LIMIT = 1.2;

const LOAD: Load = { name: 'kept alive, small', client: wrk({ hosts: 1 }) };
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** What there is one of in the first, and many of in each of the others. Requests name the host `h0.example`. */
const PROXIES: readonly Peer[] = [
  evenkeelWith('one of each', (job) => [poolFor(job, { hostname: 'h0.example' })]),
  evenkeelWith(`${MANY} endpoints`, serviceWithEndpoints),
  evenkeelWith(`${MANY} routes`, (job) =>
    numbers(MANY / MAX_ROUTES).map((pool) => poolWithRoutes(job, pool)),
  ),
  evenkeelWith(`${MANY} pools`, (job) =>
    numbers(MANY).map((pool) => poolFor(job, { name: `pool-${pool}`, hostname: `h${pool}.example` })),
  ),
];

function poolWithRoutes(job: Job, pool: number): object {
  const routes = numbers(MAX_ROUTES).map((route) => ({
    name: `route-${route}`,
    matches: [{ path: { type: 'PathPrefix', value: `/service-${route}/` }, methods: ['GET'] }],
    backendRefs: [{ name: 'origin' }],
  }));
  routes.push({
    name: 'all',
    matches: [{ path: { type: 'PathPrefix', value: '/' }, methods: ['GET'] }],
    backendRefs: [{ name: 'origin' }],
  });
  return poolFor(job, { name: `pool-${pool}`, hostname: `h${pool}.example`, routes });
}

/** A pool's own list of endpoints is shorter. */
function serviceWithEndpoints(job: Job): object[] {
  const pool = poolFor(job, { hostname: 'h0.example' }) as { spec: { backends: object[] } };
  pool.spec.backends = [{ name: 'origin', type: 'Service', service: { name: 'origin', port: 'http' } }];
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'origin' },
    spec: { ports: [{ name: 'http', port: 80 }] },
  };
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'origin-1', labels: { 'kubernetes.io/service-name': 'origin' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: job.backend }],
    endpoints: originAddresses(MANY).map((address) => ({ addresses: [address] })),
  };
  return [pool, service, slice];
}

export const growth: Measure = {
  name: 'growth',
  async run(bench) {
    const results = await contest(
      bench,
      PROXIES.map((peer) => ({ peer, protocol: 'HTTP' })),
      [LOAD],
    );
    const [one, ...others] = results;
    return {
      title: 'Cost of a request as pools, routes and endpoints grow',
      head: CONTEST_HEAD,
      rows: contestRows(results, one!.name),
      verdicts: others.map((many) =>
        atMost(`a request with ${many.name}`, timesOurs(one!, many), LIMIT, '× with one of each'),
      ),
      raw: results,
    };
  },
};
